"""One namespace in use: its snapshot, the load that runs, and what is known to be newer."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta

from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import SignalParams

RETRY = timedelta(seconds=5)
"""Pause after a refresh that failed."""


@dataclass(slots=True)
class Slot:
    """Everything but `used` and the swap of `snapshot` happens under the lock of who holds the slots."""

    params: SignalParams
    snapshot: Snapshot | None = None
    bytes: int = 0
    """Memory of `snapshot`."""
    used: float = 0.0
    """When a request last asked, `time.monotonic()`."""
    loading: Future[Snapshot] | None = None
    marked: bool = False
    stale_since: datetime | None = None
    retry_at: datetime | None = None
    load_seconds: float = 0.0
    """Longest time that a load took: one that amends what is there says little of one under other parameters."""
    failure: str | None = None

    def mark(self, now: datetime) -> None:
        """Note that the database holds something newer."""
        self.marked = True
        self.stale_since = self.stale_since or now

    def begin(self) -> Future[Snapshot]:
        """Take the right to load; what is marked from here on is not in what is being read."""
        self.marked = False
        self.loading = Future()
        return self.loading

    def put(self, snapshot: Snapshot, size: int) -> None:
        """Serve *snapshot*, of *size* bytes, from now on."""
        self.snapshot, self.bytes = snapshot, size

    def succeed(self, snapshot: Snapshot, size: int) -> None:
        """End a load well."""
        self.put(snapshot, size)
        self.loading, self.failure, self.retry_at = None, None, None
        if not self.marked:
            self.stale_since = None

    def fail(self, error: BaseException, now: datetime) -> None:
        """End a load that failed; it is due again after a pause."""
        self.loading, self.failure, self.retry_at = None, str(error), now + RETRY
        self.mark(now)

    def due(self, now: datetime) -> bool:
        """Say whether a load should begin."""
        rested = self.retry_at is None or self.retry_at <= now
        return self.marked and self.snapshot is not None and self.loading is None and rested
