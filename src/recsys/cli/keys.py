"""`recsys keys`: the API keys of a tenant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
import typer

from recsys.cli.account import actor
from recsys.cli.columns import print_columns
from recsys.cli.console import out, print_json, talk
from recsys.db.pool import Database
from recsys.errors import InvalidDocument, Problem
from recsys.settings import Settings
from recsys.tenancy import keys, tenants
from recsys.tenancy.keys import Key, NewKey
from recsys.tenancy.roles import Role

app = typer.Typer(no_args_is_help=True, help="Create, list and revoke API keys.")

Tenant = Annotated[str, typer.Option("--tenant", envvar="RECSYS_TENANT", help="External id or UUID.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(envvar="RECSYS_KEY_NAME", help="For people, such as `web shop`.")],
    tenant: Tenant,
    role: Annotated[
        list[Role] | None,
        typer.Option(envvar="RECSYS_KEY_ROLES", help="What it may do; may be given more than once. Default: serve."),
    ] = None,
    days: Annotated[
        int | None,
        typer.Option(envvar="RECSYS_KEY_DAYS", min=1, max=36500, help="Days until it expires. Default: never."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it: this is the only time that it is shown."""
    now = datetime.now(UTC)
    new = _new(name, role or [Role.SERVE], None if days is None else now + timedelta(days=days))
    with Database.open(Settings.from_environment()) as database, database.system() as conn:
        created = keys.create(conn, tenants.find(conn, tenant).id, new, now=now, actor=actor())
    if as_json:
        print_json(_described(created.key) | {"key": created.text})
    else:
        out.print(created.text, markup=False)
    talk.print(f"key {created.key.id} with {', '.join(created.key.roles)}; it is not shown again", markup=False)


@app.command()
def installation(*, as_json: AsJson = False) -> None:
    """Make a key that speaks for the installation: it creates tenants. Nothing is stored but what you set."""
    text, prefix, key_hash = keys.generate()
    if as_json:
        print_json({"key": text, "sha256": key_hash.hex()})
    else:
        out.print(text, markup=False)
    talk.print(f"key {prefix} is not shown again; it is accepted where RECSYS_INSTALLATION_KEYS holds its digest:")
    talk.print(f"RECSYS_INSTALLATION_KEYS={key_hash.hex()}", markup=False)


@app.command("list")
def list_keys(tenant: Tenant, *, as_json: AsJson = False) -> None:
    """List a tenant's keys, newest first."""
    with Database.open(Settings.from_environment()) as database, database.system() as conn:
        found = keys.list_all(conn, tenants.find(conn, tenant).id)
    if as_json:
        print_json([_described(key) for key in found])
        return
    rows = [
        (key.key_prefix, ",".join(key.roles), state(key, datetime.now(UTC)), key.last_used_at, key.id, key.name)
        for key in found
    ]
    print_columns(("prefix", "roles", "state", "last used", "id", "name"), rows)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(envvar="RECSYS_KEY", help="Its id, or the part after rk_ in it.")],
    tenant: Tenant,
    *,
    as_json: AsJson = False,
) -> None:
    """Refuse a key from now on."""
    with Database.open(Settings.from_environment()) as database, database.system() as conn:
        revoked = keys.revoke(conn, tenants.find(conn, tenant).id, key, actor=actor())
    if as_json:
        print_json(_described(revoked))
    talk.print(f"{revoked.key_prefix} is revoked; every host follows within a second", markup=False)


def state(key: Key, now: datetime) -> str:
    """Say in a word whether a key is taken."""
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "valid"


def _new(name: str, roles: list[Role], expires_at: datetime | None) -> NewKey:
    try:
        return msgspec.convert({"name": name, "roles": roles, "expires_at": expires_at}, NewKey)
    except msgspec.ValidationError as error:
        raise InvalidDocument([Problem("$", str(error))]) from None


def _described(key: Key) -> dict[str, Any]:
    return key._asdict()
