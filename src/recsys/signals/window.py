"""Which days must be built, and in which order (pure)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from recsys.signals.feeds import namespace_of
from recsys.tenancy.config import Config, SignalParams

_MINUTES_A_DAY = 24 * 60


class Touched(NamedTuple):
    """A day that gained or lost events of a surface, and the rows that say so."""

    surface: str | None
    day: date
    ids: list[UUID]


class Day(NamedTuple):
    """One day of one namespace to be built, and the rows of signal_days_touched that this settles."""

    namespace: str
    day: date
    settles: tuple[UUID, ...] = ()


def reach(params: SignalParams) -> int:
    """Return how many days the events of a pair may lie apart: one, or as many as a session may pause."""
    return max(1, math.ceil(params.session_gap_minutes / _MINUTES_A_DAY))


def plan(touched: Iterable[Touched], config: Config, today: date) -> list[Day]:
    """List the days to be built, by namespace, latest first.

    A pair counts on the day of its later event, so an event also moves the days that follow it within reach, up to
    *today*; one that is not touched itself settles nothing. What visitors are shown most rests on the latest days.
    """
    settles: dict[tuple[str, date], list[UUID]] = defaultdict(list)
    for one in touched:
        settles[namespace_of(config, one.surface), one.day].extend(one.ids)
    days = set(settles)
    for namespace, day in settles:
        following = (day + timedelta(days=1 + ahead) for ahead in range(reach(config.signals(namespace))))
        days |= {(namespace, later) for later in following if later <= today}
    return [
        Day(namespace, day, tuple(settles.get((namespace, day), ())))
        for namespace, day in sorted(days, key=lambda one: (one[0], -one[1].toordinal()))
    ]
