"""`recsys audit`: who changed what."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from msgspec.structs import asdict

from recsys.cli.console import out
from recsys.db.pool import Database
from recsys.settings import Settings
from recsys.tenancy import audit, tenants
from recsys.tenancy.audit import AuditEntry

app = typer.Typer(no_args_is_help=True, help="Who changed what, and who was refused.")

PAGE = 500
LOOK_SECONDS = 1.0

TenantName = Annotated[
    str | None,
    typer.Option("--tenant", envvar="RECSYS_TENANT", help="External id or UUID. Default: the installation's entries."),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON lines, for programs.")]


@app.command()
def tail(
    tenant: TenantName = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, max=10_000, help="So many of the latest.")] = 20,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing what is added.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the latest entries, oldest of them first. Refused log-ins belong to no tenant: leave it out."""
    with Database.open(Settings.from_environment()) as database:
        tenant_id = _tenant(database, tenant)
        for entry in reversed(list(_latest(database, tenant_id, lines))):
            _print(entry, as_json=as_json)
        if follow:
            _follow(database, tenant_id, as_json=as_json)


@app.command()
def export(tenant: TenantName = None) -> None:
    """Write every entry as JSON lines, newest first, with what was before and after."""
    with Database.open(Settings.from_environment()) as database:
        for entry in _latest(database, _tenant(database, tenant), None):
            _print(entry, as_json=True)


def _tenant(database: Database, name: str | None) -> UUID | None:
    if name is None:
        return None
    with database.system() as conn:
        return tenants.find(conn, name).id


def _latest(database: Database, tenant_id: UUID | None, limit: int | None) -> Iterator[AuditEntry]:
    """Give entries, newest first, page by page; None is all of them."""
    before: datetime | None = None
    before_id: UUID | None = None
    while limit is None or limit > 0:
        size = PAGE if limit is None else min(limit, PAGE)
        with database.system() as conn:
            entries = audit.page(conn, tenant_id, limit=size, before=before, before_id=before_id)
        yield from entries
        if len(entries) < size:
            return
        before, before_id = entries[-1].occurred_at, entries[-1].id
        limit = None if limit is None else limit - size


def _follow(database: Database, tenant_id: UUID | None, *, as_json: bool) -> None:
    seen = {entry.id for entry in _latest(database, tenant_id, PAGE)}
    while True:
        time.sleep(LOOK_SECONDS)
        for entry in reversed([entry for entry in _latest(database, tenant_id, PAGE) if entry.id not in seen]):
            seen.add(entry.id)
            _print(entry, as_json=as_json)


def _print(entry: AuditEntry, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(asdict(entry), default=str, ensure_ascii=False) + "\n")
        return
    who = f"{entry.actor_type}:{entry.actor_sub}" if entry.actor_sub else entry.actor_type
    parts: list[Any] = [entry.occurred_at.isoformat(timespec="milliseconds"), entry.action, entry.entity_id, who]
    parts += [entry.ip, (entry.extra or {}).get("reason") or (entry.extra or {}).get("comment")]
    out.print("  ".join(str(part) for part in parts if part), markup=False)
    sys.stdout.flush()
