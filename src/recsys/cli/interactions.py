"""`recsys interactions`: what visitors did, from files."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from recsys.cli import importing
from recsys.cli.console import out, print_json, talk
from recsys.db.pool import Database
from recsys.ingest.account import Account
from recsys.ingest.interaction_row import FIELDS, Reading
from recsys.ingest.interactions import Imported, batches, import_interactions
from recsys.ingest.moment import moment
from recsys.ingest.policy import Window, window
from recsys.ingest.source import DataFile
from recsys.ingest.survey import Survey, partitions_needed, shifted_to_now, survey
from recsys.secret import user_key_secret
from recsys.settings import Settings

app = typer.Typer(no_args_is_help=True, help=__doc__)

Surface = Annotated[
    str | None,
    typer.Option(
        "--surface", envvar="RECSYS_SURFACE", help="Surface of rows that name none; it decides the namespace."
    ),
]
EventType = Annotated[
    str | None,
    typer.Option("--event-type", envvar="RECSYS_EVENT_TYPE", help="Type of rows that name none, such as view."),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        envvar="RECSYS_IMPORT_SINCE",
        help="Take rows from this day on, also ones older than the partition policy accepts; "
        "says how many partitions that makes.",
    ),
]


@app.callback()
def interactions() -> None:
    """Interactions: what visitors viewed, clicked, bought, rated."""


@app.command("import", no_args_is_help=True)
def import_file(  # noqa: PLR0913  each is an option of the command line
    file: importing.File,
    *,
    tenant: importing.Tenant,
    surface: Surface = None,
    event_type: EventType = None,
    since: Since = None,
    column: importing.Rename = None,
    ignore: importing.Ignore = None,
    timezone: importing.Zone = None,
    refused: importing.Refused = None,
    shift_to_now: Annotated[
        bool, typer.Option("--shift-to-now", help="Move all times by one amount, so that the last event is now.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row and store nothing.")] = False,
    as_json: importing.AsJson = False,
) -> None:
    """Store events from a file: item_id, occurred_at, event_type, user_id, anonymous_id, session_id, surface, ...

    Rows keep their order among equal times. Run again after an interruption or with a corrected file, it stores what is
    missing and doubles nothing. Visitors are stored as keyed hashes. Ends with 3 when a row was refused.
    """
    data = importing.data_file(file, FIELDS, column, ignore)
    settings = Settings.from_environment()
    now = datetime.now(UTC)
    with Database.open(settings) as database, importing.account_to(refused) as account:
        allowed = window(database, now, _day(since))
        reading = Reading(
            tenant_id=importing.tenant_id(database, tenant),
            secret=user_key_secret(settings),
            now=now,
            earliest=allowed.earliest,
            latest=allowed.latest,
            remedy=allowed.remedy,
            event_type=event_type,
            surface=surface,
            zone=importing.time_zone(timezone),
        )
        if shift_to_now or since or dry_run:
            reading = _look_first(database, data, reading, allowed, shift_to_now=shift_to_now)
        done = _check(data, reading, account) if dry_run else _import(database, data, reading, account)
    _show(done, dry_run=dry_run, as_json=as_json)
    importing.show_refused(account, refused, "good" if dry_run else "stored")
    importing.end(account)


def _day(said: str | None) -> datetime | None:
    try:
        return None if said is None else moment(said, UTC)
    except ValueError as error:
        raise typer.BadParameter(f"{said!r} {error}", param_hint="--since") from None


def _look_first(
    database: Database, data: DataFile, reading: Reading, allowed: Window, *, shift_to_now: bool
) -> Reading:
    """Read the file once, say what storing it will do, and settle by how much its times move."""
    with importing.bar(f"looking through {data.path.name}") as progress:
        found = survey(data, reading, progress)
    if not found.rows:
        return reading
    if shift_to_now:
        reading = shifted_to_now(database, found, reading)
        talk.print(f"All times are moved by {reading.shift.days:,} days: the last event is of {_date(found, reading)}.")
    needed = partitions_needed(database, found, reading)
    talk.print(
        f"{found.rows:,} rows, {found.earliest:%Y-%m-%d} to {found.latest:%Y-%m-%d}; new partitions: {needed:,}."
    )
    _warn_of_retention(max(found.earliest + reading.shift, reading.earliest), allowed)
    return reading


def _warn_of_retention(oldest: datetime, allowed: Window) -> None:
    if allowed.kept_since is not None and oldest < allowed.kept_since:
        talk.print(f"[bold yellow]Upkeep will drop what is older than {allowed.kept_since:%Y-%m-%d} again.[/]")
        talk.print("To keep it, raise retain_days of interaction_events in the table partition_policies.")


def _date(found: Survey, reading: Reading) -> str:
    return f"{found.latest + reading.shift:%Y-%m-%d %H:%M} UTC"


def _import(database: Database, data: DataFile, reading: Reading, account: Account) -> Imported:
    with importing.bar(f"interactions from {data.path.name}") as progress:
        return import_interactions(database, data, reading, account, progress)


def _check(data: DataFile, reading: Reading, account: Account) -> Imported:
    with importing.bar(f"checking {data.path.name}") as progress:
        good = sum(len(batch) for batch in batches(data, reading, account, progress))
    return Imported(account, stored=good)


def _show(done: Imported, *, dry_run: bool, as_json: bool) -> None:
    counts: dict[str, Any] = {
        "good" if dry_run else "stored": done.stored,
        "stored before": done.repeated,
        "of erased visitors": done.erased,
        "refused": done.account.refused,
    }
    if as_json:
        print_json({name.replace(" ", "_"): count for name, count in counts.items()})
        return
    out.print("  ".join(f"{name} {count:,}" for name, count in counts.items()))
