"""What was shown and what came of it, out of the database, day by day and oldest first, as evaluators read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

from psycopg.rows import kwargs_row

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.events.eval_v1 import Outcome, OutcomeLine, ShownLine, outcome, shown
from recsys.events.exposure import Exposure
from recsys.events.interaction import Interaction

OUTCOMES: Final[Mapping[str, Outcome]] = {"click": "click", "purchase": "conversion"}
"""Which event types are which outcomes, unless somebody says otherwise."""
_AT_ONCE = 2000
_Record = TypeVar("_Record")
_DAY = timedelta(days=1)


class Selection(NamedTuple):
    """Whose lists, and from when to when: half-open, aware."""

    tenant_id: UUID
    external_id: str
    begin: datetime
    end: datetime
    surface: str | None = None


class Day(NamedTuple):
    """The part of a day in UTC that is selected."""

    date: date
    begin: datetime
    end: datetime

    @property
    def whole(self) -> bool:
        """Whether the day is selected to its end."""
        return self.end == self.next

    @property
    def next(self) -> datetime:
        """When the day after it begins."""
        return _midnight(self.date) + _DAY


def log_begins(database: Database, parent: str, now: datetime) -> datetime:
    """Return the first time that a log may hold; *now* where it holds nothing."""
    with database.system() as conn:
        row = conn.execute(sql("events.log_begins"), {"parent": parent}).fetchone()
    return row[0] if row is not None and row[0] is not None else now


def days(selection: Selection) -> Iterator[Day]:
    """Cut a selection into days."""
    day = selection.begin.astimezone(UTC).date()
    while _midnight(day) < selection.end:
        yield Day(day, max(selection.begin, _midnight(day)), min(selection.end, _midnight(day) + _DAY))
        day += _DAY


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def exposures(database: Database, selection: Selection, day: Day) -> Iterator[ShownLine]:
    """Give the lists of one day, oldest first; however many there are, some thousand are held at a time."""
    for record in _records(database, "events.exposures_between", Exposure, selection, day):
        yield shown(record, selection.external_id)


def outcomes(
    database: Database, selection: Selection, day: Day, types: Mapping[str, Outcome] = OUTCOMES
) -> Iterator[OutcomeLine]:
    """Give what came of lists on one day, oldest first: events of these types that name the request they answer."""
    for record in _records(database, "events.outcomes_between", Interaction, selection, day, types=list(types)):
        yield outcome(record, types[record.event_type], str(record.request_id))


def _records(
    database: Database, query: str, kind: Callable[..., _Record], selection: Selection, day: Day, **more: Any
) -> Iterator[_Record]:
    values = {"tenant_id": selection.tenant_id, "surface": selection.surface, "begin": day.begin, "end": day.end}
    with database.service(selection.tenant_id) as conn, conn.cursor("export", row_factory=kwargs_row(kind)) as cursor:
        cursor.itersize = _AT_ONCE
        cursor.execute(sql(query), values | more)
        yield from cursor
