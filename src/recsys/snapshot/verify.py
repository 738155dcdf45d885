"""Hold what is served against a full load: what triggers can not see, and what amending may have got wrong."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from recsys import metrics
from recsys.db.pool import Database
from recsys.snapshot.compare import Difference, differences
from recsys.snapshot.freeze import day_of
from recsys.snapshot.reread import renewed
from recsys.snapshot.snapshot import Key, Snapshot
from recsys.snapshot.snapshots import Snapshots

SHARE = 0.02
"""Of the time of one core: after a comparison nothing is compared for as long as keeps to it."""

_log = structlog.get_logger()


class Compared(NamedTuple):
    """What was loaded, brought up to date, and where what was served differs from it."""

    loaded: Snapshot
    differences: list[Difference]


def compared(database: Database, served: Snapshot, loaded: Snapshot, now: datetime) -> Compared | None:
    """Bring both up to date in one transaction and compare them; None where one can not be, or it is of another day.

    What is committed while one is loaded is in both or in neither, so a busy namespace is compared like a quiet one.
    """
    with database.reading() as conn:
        current, fresh = (renewed(conn, one, served.params, now) for one in (served, loaded))
    if current is None or fresh is None or day_of(current.as_of) != day_of(fresh.as_of):
        return None
    return Compared(fresh, differences(current, fresh))


class Verifier:
    """Compares every namespace in service once an interval, one at a time, and repairs what differs."""

    def __init__(
        self, database: Database, snapshots: Snapshots, interval: timedelta, clock: Callable[[], datetime]
    ) -> None:
        """Begin with nothing compared; an *interval* of 0 compares nothing."""
        self._database = database
        self._snapshots = snapshots
        self._interval = interval
        self._clock = clock
        self._due: dict[Key, datetime] = {}
        self._rested = 0.0

    def verify_once(self) -> bool | None:
        """Compare the namespace that is due the longest; return whether it was right, None if none was due."""
        served = self._next()
        if served is None:
            return None
        began = time.monotonic()
        try:
            found = compared(self._database, served, self._snapshots.fresh(served), self._clock())
        finally:
            self._rested = time.monotonic() + (time.monotonic() - began) / SHARE
        if found is None:
            return None
        metrics.SNAPSHOT_COMPARISONS.labels("different" if found.differences else "same").inc()
        if found.differences:
            self._repair(served, found)
        return not found.differences

    def _next(self) -> Snapshot | None:
        now, states = self._clock(), self._snapshots.states()
        if not self._interval or time.monotonic() < self._rested:
            return None
        serving = {state.snapshot.key: state.snapshot for state in states}
        self._due = {key: self._due.get(key) or now + self._interval * random.random() for key in serving}  # noqa: S311
        key = min(self._due, key=lambda one: self._due[one], default=None)
        if key is None or self._due[key] > now:
            return None
        self._due[key] = now + self._interval
        return serving[key]

    def _repair(self, served: Snapshot, found: Compared) -> None:
        """Serve what was loaded; what was committed meanwhile is read next."""
        _log.error(
            "a snapshot was not what the database holds; it was loaded anew",
            tenant_id=str(served.tenant_id),
            namespace=served.namespace,
            differences=[one._asdict() for one in found.differences],
        )
        for state in self._snapshots.states():
            if state.snapshot.key == served.key:
                self._snapshots.exchange(state.snapshot, found.loaded)
        self._snapshots.mark(*served.key)
