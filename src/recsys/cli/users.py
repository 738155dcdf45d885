"""`recsys users`: what is kept of a person."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from recsys.cli.account import actor
from recsys.cli.console import print_json, talk
from recsys.db.pool import Database
from recsys.events.erasure import Person, Receipt
from recsys.events.erasure import erase as erase_person
from recsys.secret import user_key_secrets
from recsys.settings import Settings
from recsys.tenancy.tenants import find

app = typer.Typer(no_args_is_help=True, help=__doc__)


@app.callback()
def users() -> None:
    """Visitors; only keyed hashes of their ids are stored."""


@app.command("erase", no_args_is_help=True)
def erase(
    user_id: Annotated[
        list[str] | None,
        typer.Argument(envvar="RECSYS_USER_ID", help="User ids of the person.", metavar="[USER_ID]..."),
    ] = None,
    *,
    tenant: Annotated[str, typer.Option(envvar="RECSYS_TENANT", help="External id or UUID.")],
    anonymous_id: Annotated[
        list[str] | None, typer.Option(envvar="RECSYS_ANONYMOUS_ID", help="An anonymous id they had; may be repeated.")
    ] = None,
    session_id: Annotated[
        list[str] | None, typer.Option(envvar="RECSYS_SESSION_ID", help="A session they had; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole receipt, for programs.")] = False,
) -> None:
    """Remove a person's exposures and interactions, for good, and keep those that still lie in a spool from landing.

    Prints a receipt with counts that names what is not rewritten; the audit log keeps it. May be repeated.
    """
    settings = Settings.from_environment()
    person = Person(tuple(user_id or ()), tuple(anonymous_id or ()), tuple(session_id or ()))
    with Database.open(settings) as database:
        with database.system() as conn:
            tenant_id = find(conn, tenant).id
        secrets = user_key_secrets(settings)
        receipt = erase_person(
            database, tenant_id, person, secrets=secrets, workers=settings.workers_dir, actor=actor()
        )
    _print(receipt, as_json=as_json)


def _print(receipt: Receipt, *, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.to_builtins(receipt))
        return
    talk.print(f"erasure {receipt.erasure_id}: events up to {receipt.erased_at:%Y-%m-%d %H:%M:%S %Z} are gone")
    talk.print(
        f"{receipt.exposures:,} exposures, {receipt.interactions:,} interactions and "
        f"{receipt.dead_letters:,} dead letters removed"
    )
    talk.print("not rewritten:")
    for left in receipt.not_rewritten:
        talk.print(f"  {left.what}: {left.remedy}", markup=False)
