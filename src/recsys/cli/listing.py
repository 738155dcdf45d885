"""A list made in this process, by the code that serves: nothing is recorded, no service need run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from recsys.api.call import Call
from recsys.api.identity import Caller
from recsys.cli.console import out, print_json, talk
from recsys.db.pool import Database
from recsys.diagnosis.facts import Case
from recsys.ranking.fill import Filling, chain
from recsys.ranking.slate import Slate
from recsys.settings import Settings
from recsys.snapshot.load import load
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import DEFAULTS
from recsys.tenancy.directory import TenantView, load_view
from recsys.tenancy.roles import ALL_ROLES


def operator_call(path: str) -> Call:
    """Make the call of somebody at the shell: every role, one tenant."""
    return Call("POST", path, {}, "shell", caller=Caller("shell", ALL_ROLES))


def make_list(tenant: str, ask: Callable[[Settings, Database, TenantView], Case]) -> Slate:
    """Load what the surface reads and rank; TenantNotFound and InvalidRequest say what is wrong."""
    settings, now = Settings.from_environment(), datetime.now(UTC)
    with Database.open(settings) as database:
        with database.system() as conn:
            view = load_view(conn, tenant)
        case = ask(settings, database, view)
        snapshots = [_load(database, view, name, now) for name in chain(case.query.surface, case.params)]
    filling = Filling(
        case.query,
        case.visitor,
        case.params,
        lambda snapshot: view.live(snapshot, case.query.surface, case.query.segment, case.rules_at),
        now,
    )
    return filling.fill(snapshots)


def _load(database: Database, view: TenantView, namespace: str, now: datetime) -> Snapshot:
    with database.reading() as conn:
        return load(conn, view.tenant.id, namespace, (view.config or DEFAULTS).signals(namespace), now=now)


def show_list(slate: Slate, *, as_json: bool) -> None:
    """Print a slate: a line an item, warnings beside it; or all of it as JSON."""
    reasons = slate.reasons or ((),) * len(slate)
    if as_json:
        print_json(_document(slate, reasons))
        return
    width = max(map(len, slate.item_ids), default=0)
    for place, (item_id, score) in enumerate(zip(slate.item_ids, slate.scores, strict=True)):
        out.print(f"{place + 1:>3}  {score:.6f}  {item_id.ljust(width)}  {', '.join(reasons[place])}", markup=False)
    for warning in slate.warnings:
        talk.print(f"{warning.code}: {warning.detail}", markup=False)


def _document(slate: Slate, reasons: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    items = [
        {"item_id": item_id, "rank": place + 1, "score": score, "reasons": reasons[place]}
        for place, (item_id, score) in enumerate(zip(slate.item_ids, slate.scores, strict=True))
    ]
    warnings = [{"code": warning.code, "detail": warning.detail} for warning in slate.warnings]
    return {"items": items, "warnings": warnings, "counts": slate.counts, "signals_version": slate.signals_version}
