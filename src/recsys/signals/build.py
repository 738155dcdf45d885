"""Build the signal tables of a tenant from its interactions: only the days that were touched, each in one transaction.

A build may be killed anywhere and run again, and may run twice at once: a day is built under an advisory lock of its
own, and what it settles is forgotten in the same transaction. Days do not wait for each other: each reads events of
several days and writes its own rows. Rows that a build made are those that the events give, and no others; rows that an
operator wrote stay, unless events give the same key a score.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import psycopg

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.signals import bots, covisitation, popularity
from recsys.signals.feeds import feed_of
from recsys.signals.scope import CutOff, Scope, Written
from recsys.signals.side_by_side import Crew, side_by_side
from recsys.signals.window import Day, Touched, plan
from recsys.tenancy.config import Config

_AHEAD = timedelta(minutes=5)
"""How far ahead of the clock an event's time may be."""


class Progress(NamedTuple):
    """How far a build is: days done of all, and the one that was just built."""

    done: int
    total: int
    day: Day


@dataclass(slots=True)
class Built:
    """What a build did."""

    namespaces: set[str] = field(default_factory=set)
    days: int = 0
    events: int = 0
    """Events that counted."""
    beyond_session_length: int = 0
    """Events of theirs that made no pairs, because their visit had more than `session_length` on that day."""
    cut_off: CutOff = field(default_factory=CutOff)
    """Bots: none of their events is among `events`."""
    popularity: Written = field(default_factory=Written)
    covisitation: Written = field(default_factory=Written)

    def add(self, more: Built) -> None:
        """Count what else was done."""
        self.namespaces |= more.namespaces
        self.days += more.days
        self.events += more.events
        self.beyond_session_length += more.beyond_session_length
        self.cut_off += more.cut_off
        self.popularity += more.popularity
        self.covisitation += more.covisitation


def build(
    database: Database,
    tenant_id: UUID,
    config: Config,
    *,
    jobs: int = 1,
    now: datetime | None = None,
    progress: Callable[[Progress], object] = lambda _: None,
) -> Built:
    """Build every day whose events have changed since it was built; return what was done.

    *jobs* days are built at once, as far as *database* has connections for them. *progress* is called in this thread.
    """
    today = ((now or datetime.now(UTC)) + _AHEAD).astimezone(UTC).date()
    with database.system() as conn:
        touched = [Touched(*row) for row in conn.execute(sql("signals.touched"), {"tenant_id": tenant_id})]
        days = [day if day.settles else _touched(conn, tenant_id, config, day) for day in plan(touched, config, today)]

    def one(day: Day, crew: Crew) -> Built:
        return _build_day(database, tenant_id, config, day, crew)

    built = Built()
    with closing(side_by_side(days, one, min(jobs, database.size))) as done:
        for count, (day, what) in enumerate(done, start=1):
            built.add(what)
            progress(Progress(count, len(days), day))
    return built


def touch(database: Database, tenant_id: UUID, first: date, last: date) -> None:
    """Make the next build build all days from *first* to *last* that have events or rows."""
    with database.system() as conn:
        conn.execute(sql("signals.touch"), {"tenant_id": tenant_id, "first": first, "last": last})


def _touched(conn: psycopg.Connection, tenant_id: UUID, config: Config, day: Day) -> Day:
    """Touch a day that is built only because it follows a touched one, which may be settled before it is built."""
    feed = feed_of(config, day.namespace)
    surface = feed.surfaces[0] if feed.surfaces else None
    parameters = {"tenant_id": tenant_id, "surface": surface, "day": day.day}
    return day._replace(settles=tuple(touch_id for (touch_id,) in conn.execute(sql("signals.touch_day"), parameters)))


def _build_day(database: Database, tenant_id: UUID, config: Config, day: Day, crew: Crew) -> Built:
    with database.system() as conn, crew.joined(conn):
        scope = Scope(conn, tenant_id, config, day.namespace, day.day)
        scope.run("prepare")
        scope.run("lock")
        conn.execute(sql("signals.forget_touched"), {"touched": list(day.settles)})
        scope.run("create_events")
        scope.run("collect_events")
        scope.run("analyze_events")
        cut_off = bots.cut_off(scope)
        events, beyond = scope.row("count_events")
        return Built(
            namespaces={day.namespace},
            days=1,
            events=events,
            beyond_session_length=beyond,
            cut_off=cut_off,
            popularity=popularity.rebuild(scope),
            covisitation=covisitation.rebuild(scope),
        )
