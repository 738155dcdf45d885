"""How this worker is: alive, and able to serve."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Literal

from recsys.api.loads import Loads
from recsys.api.wire import Check, HealthResponse
from recsys.errors import RecsysError
from recsys.runtime import Serving
from recsys.snapshot.refresh import Follower, State

AGE_MAX_SECONDS = 0.9
"""No answer is older than a second; probing at every request would let anybody load the database."""
PATIENCE_SECONDS = 0.5
UNSEEN_SECONDS = 5.0
"""Changes are looked for four times a second; a worker that has not for so long does not follow them."""

Status = Literal["healthy", "degraded", "unhealthy"]

_BY_WEIGHT: tuple[Status, ...] = ("healthy", "degraded", "unhealthy")
ALIVE = HealthResponse("healthy", (Check("process", "healthy"),))


class Health:
    """Readiness, found out at most about once a second."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._looks = Loads("health", threads=1, limit=1)
        self._known: HealthResponse | None = None
        self._known_at = 0.0

    async def ready(self) -> HealthResponse:
        """Say whether lists can be served: a loaded snapshot is enough, a database that is away is only reported."""
        if self._known is None or time.monotonic() - self._known_at > AGE_MAX_SECONDS:
            self._known = await self._look()
            self._known_at = time.monotonic()
        return self._known

    async def _look(self) -> HealthResponse:
        states = self._serving.snapshots.states()
        database = await self._database(serves_without=bool(states))
        checks = (database, self._changes(), _snapshots(states))
        return HealthResponse(worst(*checks), checks)

    async def _database(self, *, serves_without: bool) -> Check:
        try:
            await self._looks.load("database", self._ping, patience=PATIENCE_SECONDS)
        except RecsysError:
            status: Status = "degraded" if serves_without else "unhealthy"
            return Check("database", status, "It does not answer. What is loaded is served, events wait in the spool.")
        return Check("database", "healthy")

    def _changes(self) -> Check:
        follower = self._serving.follower
        since = seconds_since_a_look(follower, datetime.now(UTC))
        if follower.failure is None and since is not None and since <= UNSEEN_SECONDS:
            return Check("changes", "healthy")
        seen = "never" if since is None else f"{since:.0f} s ago"
        return Check(
            "changes", "degraded", f"The log of changes was last read {seen}; what is loaded serves. The log says why."
        )

    def _ping(self) -> None:
        with self._serving.database.system() as conn:
            conn.execute("select 1")

    def close(self) -> None:
        """Look no more."""
        self._looks.close()


def seconds_since_a_look(follower: Follower, now: datetime) -> float | None:
    """Say how old serving may be; None where the log of changes was never read."""
    return None if follower.looked_at is None else (now - follower.looked_at).total_seconds()


def worst(*checks: Check) -> Status:
    """Say how the whole is: as its worst part."""
    return max((check.status for check in checks), key=_BY_WEIGHT.index)


def _snapshots(states: list[State]) -> Check:
    failing = [state for state in states if state.failure is not None]
    if failing:
        return Check(
            "snapshots", "degraded", f"{len(failing)} of {len(states)} can not be refreshed; the last good serve."
        )
    return Check("snapshots", "healthy", f"{len(states)} loaded.")
