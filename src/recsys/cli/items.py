"""`recsys items`: what is known of items, from files."""

from __future__ import annotations

from typing import Annotated

import typer

from recsys.cli import importing
from recsys.cli.console import out, print_json, talk
from recsys.db.pool import Database
from recsys.ingest.item_row import FIELDS
from recsys.ingest.items import Imported, Target, import_items
from recsys.settings import Settings

app = typer.Typer(no_args_is_help=True, help=__doc__)

Namespace = Annotated[
    str, typer.Option("--namespace", envvar="RECSYS_NAMESPACE", help="Catalogue that the items belong to.")
]


@app.callback()
def items() -> None:
    """Items: their tags, prices and availability."""


@app.command("import", no_args_is_help=True)
def import_file(  # noqa: PLR0913  each is an option of the command line
    file: importing.File,
    *,
    tenant: importing.Tenant,
    namespace: Namespace = "default",
    column: importing.Rename = None,
    ignore: importing.Ignore = None,
    timezone: importing.Zone = None,
    refused: importing.Refused = None,
    as_json: importing.AsJson = False,
) -> None:
    """Insert or update items from a file: item_id, tags (separated by |), price, available, created_at.

    A column that is absent keeps what is stored, an empty cell (null) clears it. Only what differs is written,
    so a nightly export may be imported whole. Ends with 3 when a row was refused; the others are stored.
    """
    data = importing.data_file(file, FIELDS, column, ignore)
    zone = importing.time_zone(timezone)
    with Database.open(Settings.from_environment()) as database, importing.account_to(refused) as account:
        target = Target(importing.tenant_id(database, tenant), namespace, zone)
        with importing.bar(f"items from {file.name}") as progress:
            done = import_items(database, data, target, account, progress)
    _show(done, namespace, as_json=as_json)
    importing.show_refused(account, refused)
    importing.end(account)


def _show(done: Imported, namespace: str, *, as_json: bool) -> None:
    counts = {"created": done.created, "changed": done.changed, "unchanged": done.unchanged}
    if as_json:
        print_json({"namespace": namespace, **counts, "refused": done.account.refused})
        return
    out.print("  ".join(f"{name} {count:,}" for name, count in {**counts, "refused": done.account.refused}.items()))
    talk.print(f"They are in the namespace [bold]{namespace}[/].")
