"""Build the signal tables of a tenant from its interactions: only the days that were touched, each in one transaction.

A build may be killed anywhere and run again, and may run twice at once: a day is built under an advisory lock of its
namespace, and what it settles is forgotten in the same transaction. Rows that a build made are those that the events
give, and no others; rows that an operator wrote stay, unless events give the same key a score.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.signals import bots, covisitation, popularity
from recsys.signals.scope import CutOff, Scope, Written
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


def build(
    database: Database,
    tenant_id: UUID,
    config: Config,
    *,
    now: datetime | None = None,
    progress: Callable[[Progress], object] = lambda _: None,
) -> Built:
    """Build every day whose events have changed since it was built; return what was done."""
    today = ((now or datetime.now(UTC)) + _AHEAD).astimezone(UTC).date()
    with database.system() as conn:
        touched = [Touched(*row) for row in conn.execute(sql("signals.touched"), {"tenant_id": tenant_id})]
    days = plan(touched, config, today)
    built = Built()
    for done, day in enumerate(days, start=1):
        _build_day(database, tenant_id, config, day, built)
        progress(Progress(done, len(days), day))
    return built


def touch(database: Database, tenant_id: UUID, first: date, last: date) -> None:
    """Make the next build build all days from *first* to *last* that have events or rows."""
    with database.system() as conn:
        conn.execute(sql("signals.touch"), {"tenant_id": tenant_id, "first": first, "last": last})


def _build_day(database: Database, tenant_id: UUID, config: Config, day: Day, built: Built) -> None:
    with database.system() as conn:
        scope = Scope(conn, tenant_id, config, day.namespace, day.day)
        scope.run("prepare")
        scope.run("lock")
        conn.execute(sql("signals.forget_touched"), {"touched": list(day.settles)})
        scope.run("create_events")
        scope.run("collect_events")
        scope.run("analyze_events")
        cut_off = bots.cut_off(scope)
        events, beyond = scope.row("count_events")
        changed = popularity.rebuild(scope), covisitation.rebuild(scope)
    built.namespaces.add(day.namespace)
    built.days += 1
    built.events += events
    built.beyond_session_length += beyond
    built.cut_off += cut_off
    built.popularity += changed[0]
    built.covisitation += changed[1]
