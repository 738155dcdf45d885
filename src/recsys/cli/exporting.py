"""What the two commands that export have in common: options, and lines to stdout or to a folder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from recsys.cli.console import talk
from recsys.db.pool import Database
from recsys.events.eval_v1 import to_json
from recsys.events.export import Day, Selection, days, log_begins
from recsys.events.export_files import Line, Written, write_days
from recsys.ingest.moment import moment
from recsys.settings import Settings
from recsys.tenancy.tenants import find

Tenant = Annotated[str, typer.Option("--tenant", envvar="RECSYS_TENANT", help="External id or UUID.")]
Surface = Annotated[
    str | None, typer.Option("--surface", envvar="RECSYS_SURFACE", help="Only this surface. Default: all.")
]
Since = Annotated[
    str | None,
    typer.Option("--since", envvar="RECSYS_EXPORT_SINCE", help="First day or time (UTC). Default: from the beginning."),
]
Until = Annotated[
    str | None,
    typer.Option("--until", envvar="RECSYS_EXPORT_UNTIL", help="First day or time that is left out. Default: now."),
]
To = Annotated[
    Path | None,
    typer.Option(
        "--to",
        envvar="RECSYS_EXPORT_TO",
        help="Folder for one file a day; days that are finished there are not written again. Default: to stdout.",
        file_okay=False,
    ),
]


class FileFormat(StrEnum):
    """How a file is written."""

    JSONL = "jsonl"
    PARQUET = "parquet"


As = Annotated[
    FileFormat,
    typer.Option("--as", envvar="RECSYS_EXPORT_AS", help="How the files of --to are written; stdout gets JSON lines."),
]


class Options:
    """What to export, and where to."""

    def __init__(self, tenant: str, surface: str | None, since: str | None, until: str | None) -> None:
        self.tenant = tenant
        self.surface = surface
        self.since = _time(since, "--since")
        self.until = _time(until, "--until")

    def selection(self, database: Database, log: str) -> Selection:
        """Find the tenant, and the times where none were given."""
        with database.system() as conn:
            tenant = find(conn, self.tenant)
        now = datetime.now(UTC)
        begin = self.since or log_begins(database, log, now)
        return Selection(tenant.id, tenant.external_id, begin, self.until or now, self.surface)


class Source(NamedTuple):
    """Where lines come from."""

    what: str
    """Begins the names of the files."""
    log: str
    """The table."""
    lines_of: Callable[[Database, Selection, Day], Iterator[Line]]


def run(source: Source, options: Options, to: Path | None, form: FileFormat) -> None:
    """Write what *options* select of *source*: to stdout, or day by day into a folder."""
    if to is None and form is FileFormat.PARQUET:
        raise typer.BadParameter("Parquet goes to files: say --to FOLDER.", param_hint="--as")
    with Database.open(Settings.from_environment()) as database:
        selection = options.selection(database, source.log)
        read = partial(source.lines_of, database, selection)
        if to is None:
            _to_stdout(line for day in days(selection) for line in read(day))
        else:
            _to_folder(write_days(to, source.what, form.value, days(selection), read))


def _to_stdout(lines: Iterator[Line]) -> None:
    for line in lines:
        sys.stdout.buffer.write(to_json(line))
    sys.stdout.buffer.flush()


def _to_folder(written: Iterator[Written]) -> None:
    lines = 0
    with talk.status("exporting") as shown:
        for one in written:
            lines += one.lines
            shown.update(f"exporting: {one.day.date}, {lines:,} lines")
            if one.skipped:
                talk.print(f"{one.day.date}: finished before, {one.path}")
            elif one.path is not None:
                talk.print(f"{one.day.date}: {one.lines:,} lines, {one.path}")
    talk.print(f"{lines:,} lines written")


def _time(text: str | None, option: str) -> datetime | None:
    try:
        return None if text is None else moment(text, UTC)
    except ValueError as error:
        raise typer.BadParameter(f"{text} {error}", param_hint=option) from None
