"""`recsys tenants`: organisations that are kept apart from each other."""

from __future__ import annotations

from typing import Annotated

import typer

from recsys.cli.account import actor
from recsys.cli.columns import print_columns
from recsys.cli.console import Exit, fail, out, print_json, talk
from recsys.db.pool import Database
from recsys.errors import TenantNotFound
from recsys.settings import Settings
from recsys.tenancy import removal, tenants
from recsys.tenancy.removal import Removal
from recsys.tenancy.tenants import Status, Tenant

app = typer.Typer(no_args_is_help=True, help="Create, list, suspend, resume, delete and remove tenants.")

Who = Annotated[str, typer.Argument(envvar="RECSYS_TENANT", help="External id or UUID.", metavar="TENANT")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command()
def create(
    external_id: Annotated[str, typer.Argument(envvar="RECSYS_TENANT", help="What a token or X-Org-Id names.")],
    name: Annotated[
        str | None, typer.Option(envvar="RECSYS_TENANT_NAME", help="For people. Default: the external id.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Create a tenant; it can be served at once, with the default config."""
    with Database.open(Settings.from_environment()) as database, database.system() as conn:
        tenant = tenants.create(conn, external_id, name, actor=actor())
    _print(tenant, as_json=as_json)
    talk.print("created; `recsys items import` and `recsys interactions import` bring its data in")


@app.command("list")
def list_tenants(*, as_json: AsJson = False) -> None:
    """List every tenant by external id."""
    with Database.open(Settings.from_environment()) as database, database.system() as conn:
        found = tenants.list_all(conn)
    if as_json:
        print_json([tenant._asdict() for tenant in found])
        return
    rows = [(tenant.external_id, tenant.status, tenant.id, tenant.name) for tenant in found]
    print_columns(("external id", "status", "id", "name"), rows)


@app.command()
def show(tenant: Who, *, as_json: AsJson = False) -> None:
    """Show one tenant."""
    with Database.open(Settings.from_environment()) as database, database.system() as conn:
        found = tenants.find(conn, tenant)
    _print(found, as_json=as_json)


@app.command()
def rename(
    tenant: Who, name: Annotated[str, typer.Argument(help="The new name, for people.")], *, as_json: AsJson = False
) -> None:
    """Change the name for people; the external id never changes."""
    with Database.open(Settings.from_environment()) as database, database.system() as conn:
        changed = tenants.rename(conn, tenants.find(conn, tenant).id, name, actor=actor())
    _print(changed, as_json=as_json)


@app.command()
def suspend(tenant: Who, *, as_json: AsJson = False) -> None:
    """Refuse every request of a tenant with 403 from now on; nothing is removed."""
    _set_status(tenant, "suspended", as_json=as_json)


@app.command()
def resume(tenant: Who, *, as_json: AsJson = False) -> None:
    """Serve a suspended or deleted tenant again."""
    _set_status(tenant, "active", as_json=as_json)


@app.command()
def delete(tenant: Who, *, as_json: AsJson = False) -> None:
    """Answer 404 to every request of a tenant from now on; nothing is removed, and `resume` takes it back."""
    _set_status(tenant, "deleted", as_json=as_json)


@app.command()
def remove(
    tenant: Who,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Yes, every row of this tenant, for good.")] = False,
    batch: Annotated[int, typer.Option(min=1, help="Rows of one transaction.")] = removal.BATCH,
    as_json: AsJson = False,
) -> None:
    """Remove every row of a deleted tenant for good; run again after an interruption, it goes on where it was."""
    if not yes:
        fail(f"this removes every row of tenant {tenant}, for good. If that is meant, say --yes.", Exit.USAGE)
    with Database.open(Settings.from_environment()) as database:
        done = _remove(database, tenant, batch)
    if as_json:
        print_json(done._asdict())
        return
    print_columns(("table", "rows removed"), sorted(done.rows.items()))
    talk.print("removed; docs/howto/remove-a-tenant.md says which copies elsewhere are not touched")


def _remove(database: Database, name: str, batch: int) -> Removal:
    try:
        with database.system() as conn:
            tenant = tenants.find(conn, name)
    except TenantNotFound:
        earlier = removal.removed(database, name)
        if earlier is None:
            raise
        return earlier
    with talk.status("removing") as status:
        return removal.remove(
            database,
            tenant,
            batch=batch,
            told=lambda reached: status.update(f"{sum(reached.rows.values()):,} rows removed"),
        )


def _set_status(name: str, status: Status, *, as_json: bool) -> None:
    with Database.open(Settings.from_environment()) as database, database.system() as conn:
        tenant = tenants.set_status(conn, tenants.find(conn, name).id, status, actor=actor())
    _print(tenant, as_json=as_json)
    talk.print("every host follows within a second")


def _print(tenant: Tenant, *, as_json: bool) -> None:
    if as_json:
        print_json(tenant._asdict())
        return
    for key, value in tenant._asdict().items():
        out.print(f"{key.replace('_', ' '):12} {value}", markup=False)
