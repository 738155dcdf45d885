"""What `items import` and `interactions import` share: their options, a bar, and the account of what was refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import tzinfo
from pathlib import Path
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from recsys.cli.console import Exit, talk
from recsys.db.pool import Database
from recsys.ingest.account import Account, Refusal
from recsys.ingest.columns import Columns
from recsys.ingest.source import DataFile
from recsys.tenancy import tenants

REASONS_SHOWN = 10

File = Annotated[
    Path, typer.Argument(help="CSV (.csv, .tsv), JSON lines (.jsonl, .ndjson), both also .gz, or Parquet.")
]
Tenant = Annotated[str, typer.Option("--tenant", envvar="RECSYS_TENANT", help="Whose data it is: external id or UUID.")]
Rename = Annotated[
    list[str] | None,
    typer.Option("--column", help="FIELD=COLUMN: which column of the file holds a field. May be said again."),
]
Ignore = Annotated[
    list[str] | None, typer.Option("--ignore", help="A column of the file to leave out. May be said again.")
]
Zone = Annotated[
    str | None,
    typer.Option(
        "--timezone",
        envvar="RECSYS_IMPORT_TIMEZONE",
        help="Time zone of times that have no offset, such as UTC or Europe/Berlin. Without it they are refused.",
    ),
]
Refused = Annotated[
    Path | None, typer.Option("--refused", help="Write every refused row here: JSON lines with row, path, reason.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


def data_file(path: Path, known: tuple[str, ...], rename: list[str] | None, ignore: list[str] | None) -> DataFile:
    """Put the file and the options about its columns together."""
    renamed = {}
    for said in rename or ():
        field, equals, column = said.partition("=")
        if not equals or field not in known:
            raise typer.BadParameter(
                f"{said!r} is not FIELD=COLUMN with a field of {', '.join(known)}", param_hint="--column"
            )
        renamed[column] = field
    return DataFile(path, Columns(known, renamed, frozenset(ignore or ())))


def time_zone(name: str | None) -> tzinfo | None:
    """Find a time zone by its name."""
    try:
        return None if name is None else ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise typer.BadParameter(
            f"{name!r} is not a time zone; try UTC or Europe/Berlin", param_hint="--timezone"
        ) from None


def tenant_id(database: Database, name: str) -> UUID:
    """Find a tenant; TenantNotFound says how to make one."""
    with database.system() as conn:
        return tenants.find(conn, name).id


@contextmanager
def bar(doing: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far a file has been read, on stderr and only while it is being read."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=talk, transient=True, disable=not talk.is_terminal) as progress:
        task = progress.add_task(doing, total=None)
        yield lambda done, size: progress.update(task, completed=done, total=size)


@contextmanager
def account_to(path: Path | None) -> Iterator[Account]:
    """Open an account whose refusals are also written to *path*."""
    if path is None:
        yield Account()
        return
    try:
        file = path.open("wb")
    except OSError as error:
        raise typer.BadParameter(f"{path} can not be written: {error.strerror}", param_hint="--refused") from None
    with file:
        yield Account(lambda refusal: file.write(msgspec.json.encode(refusal._asdict()) + b"\n"))


def show_refused(account: Account, path: Path | None, others: str = "stored") -> None:
    """Say how many rows were refused and why, most frequent reason first, and what became of the *others*."""
    if not account.refused:
        return
    talk.print(f"[bold yellow]{account.refused:,} rows were refused[/]; the others are {others}.")
    for (where, reason), count in account.reasons.most_common(REASONS_SHOWN):
        talk.print(f"  {count:,} x {where} {reason}{_example(account.first, where, reason)}", markup=False)
    if len(account.reasons) > REASONS_SHOWN:
        talk.print(f"  and {len(account.reasons) - REASONS_SHOWN:,} more reasons")
    talk.print(f"Every one is in {path}." if path else "`--refused FILE` writes every one to a file.", markup=False)


def _example(first: Sequence[Refusal], where: str, reason: str) -> str:
    row = next((refusal.row for refusal in first if (refusal.path, refusal.reason) == (where, reason)), None)
    return "" if row is None else f" (first in row {row})"


def end(account: Account) -> None:
    """End with 3 when a row was refused, so that a script notices."""
    if account.refused:
        raise typer.Exit(Exit.CHECK_FAILED)
