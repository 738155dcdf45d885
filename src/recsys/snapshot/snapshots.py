"""The snapshots that this process serves from: loaded once, swapped when a newer one is ready."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import structlog

from recsys import metrics
from recsys.db.pool import Database
from recsys.snapshot.eviction import REST, Held, surplus
from recsys.snapshot.footprint import footprint
from recsys.snapshot.shelf import Shelf
from recsys.snapshot.slot import Slot
from recsys.snapshot.snapshot import Key, Snapshot
from recsys.snapshot.source import Source
from recsys.tenancy.config import SignalParams

_log = structlog.get_logger()

RESUME_SECONDS = 0.5
"""What a start may spend on mapping what was served before."""

UNBOUNDED = 2**63
"""Bytes that nobody has: nothing is evicted."""


def utc_now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


class State(NamedTuple):
    """One snapshot in service, for metrics and health."""

    snapshot: Snapshot
    stale_since: datetime | None
    """When it was noticed that the database holds something newer; None while it does not."""
    failure: str | None
    """Why the last refresh failed; None if it did not."""
    load_seconds: float = 0.0
    """How long a load of this namespace took, the longest of this process."""


class Snapshots:
    """One snapshot for each namespace in use. Any thread may call it.

    A request reads a reference. A load makes a new snapshot beside the old one and swaps the reference at its end,
    so one that fails or is cancelled leaves the last good one in service, and `states` says so.

    With a *shelf* all processes of a host load a namespace once, and a restart serves what lies there: see `resume`.

    Once they take more than *memory* bytes, those that were not asked for the longest are let go. Who still ranks with
    one keeps it until the list is made; the next request for that namespace loads it anew.
    """

    def __init__(
        self,
        database: Database,
        shelf: Shelf | None = None,
        *,
        memory: int = UNBOUNDED,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._source = Source(database, shelf, clock)
        self._memory = memory
        self._clock = clock
        self._slots: dict[Key, Slot] = {}
        self._closed = False
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)

    def current(self, tenant_id: UUID, namespace: str, params: SignalParams) -> Snapshot | None:
        """Return the snapshot in service, None if the namespace is not loaded yet. No I/O.

        *params* are those of the live config. If they are new, what is in service serves under its own parameters
        until `refresh_once` has made the one under theirs.
        """
        slot = self._slots.get((tenant_id, namespace))
        if slot is None:
            return None
        if slot.params is not params:
            self._adopt(slot, params)
        slot.used = time.monotonic()
        return slot.snapshot

    def load_once(self, tenant_id: UUID, namespace: str, params: SignalParams) -> Snapshot:
        """Return the snapshot of a namespace, loading it if there is none: once, however many threads wait for it."""
        key = tenant_id, namespace
        with self._lock:
            slot = self._slots.setdefault(key, Slot(params))
            slot.used = time.monotonic()
            if slot.snapshot is not None:
                return slot.snapshot
            running, mine = slot.loading, None
            if running is None:
                mine = slot.begin()
        if mine is None and running is not None:
            return running.result()
        return self._load(key, slot)

    def resume(self) -> int:
        """Serve what lies on this host's disk, unchecked, and mark it; return how many. What was used last comes first.

        It ends when memory is taken or after RESUME_SECONDS: what is left is mapped when it is asked for.
        """
        count, began = 0, time.monotonic()
        for snapshot in self._source.on_disk():
            size = footprint(snapshot)
            with self._lock:
                full = sum(slot.bytes for slot in self._slots.values()) + size > self._memory * REST
                if full or time.monotonic() - began > RESUME_SECONDS:
                    break
                slot = self._slots.setdefault(snapshot.key, Slot(snapshot.params, used=began - count))
                if slot.snapshot is None and slot.loading is None:
                    slot.put(snapshot, size)
                    slot.mark(self._clock())
                    count += 1
        return count

    def stale_since(self, tenant_id: UUID, namespace: str) -> datetime | None:
        """Say since when the database is known to hold something newer; None while it does not. No I/O."""
        slot = self._slots.get((tenant_id, namespace))
        return None if slot is None else slot.stale_since

    def states(self) -> list[State]:
        """List what is in service."""
        with self._lock:
            return [
                State(slot.snapshot, slot.stale_since, slot.failure, slot.load_seconds)
                for slot in self._slots.values()
                if slot.snapshot is not None
            ]

    @property
    def bytes(self) -> int:
        """Memory of all snapshots in service."""
        with self._lock:
            return sum(slot.bytes for slot in self._slots.values())

    def mark(self, tenant_id: UUID | None = None, namespace: str | None = None) -> None:
        """Note that the database holds something newer; None is every tenant, or every namespace of the tenant."""
        now = self._clock()
        with self._lock:
            for key, slot in self._slots.items():
                if tenant_id in (None, key[0]) and namespace in (None, key[1]):
                    slot.mark(now)
            self._changed.notify_all()

    def refresh_once(self) -> int:
        """Load anew what is marked, one namespace after the other; return how many were swapped."""
        swapped = 0
        for key, slot in list(self._slots.items()):
            with self._lock:
                if self._closed or self._slots.get(key) is not slot or not slot.due(self._clock()):
                    continue
                slot.begin()
            with suppress(Exception):  # it is logged and kept in the slot, and the last good snapshot serves
                self._load(key, slot)
                swapped += 1
        return swapped

    def fresh(self, served: Snapshot) -> Snapshot:
        """Load the namespace of *served* anew, for who compares the two; nothing is swapped."""
        return self._source.fresh(served.key, served.params)

    def exchange(self, old: Snapshot, new: Snapshot) -> bool:
        """Serve *new* from now on if *old* still serves."""
        slot, size = self._slots.get(old.key), footprint(new)
        with self._lock:
            if slot is None or slot.snapshot is not old:
                return False
            slot.put(new, size)
            self._evict()
        return True

    def wait(self, timeout: float) -> None:
        """Sleep until something is marked, but not longer than *timeout* seconds."""
        with self._changed:
            if not self._closed:
                self._changed.wait(timeout)

    def close(self) -> None:
        """Cancel the loads that run and refuse new ones. What is in service stays."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._source.close()

    def _adopt(self, slot: Slot, params: SignalParams) -> None:
        with self._changed:
            if slot.params != params:
                slot.mark(self._clock())
                self._changed.notify_all()
            slot.params = params

    def _load(self, key: Key, slot: Slot) -> Snapshot:
        """Load what `begin` was called for, and hand it to whoever waits."""
        future = slot.loading
        assert future is not None  # noqa: S101  begin() made it
        began = time.monotonic()
        try:
            with metrics.SNAPSHOT_LOAD_SECONDS.time():
                snapshot, checked = self._source.get(key, slot.params, slot.snapshot)
        except BaseException as error:
            metrics.SNAPSHOT_LOADS.labels("failed").inc()
            with self._lock:
                slot.fail(error, self._clock())
                if slot.snapshot is None:
                    del self._slots[key]
            _log.warning("snapshot not loaded", tenant_id=str(key[0]), namespace=key[1], error=str(error))
            future.set_exception(error)
            raise
        metrics.SNAPSHOT_LOADS.labels("loaded").inc()
        size = footprint(snapshot)
        with self._lock:
            slot.load_seconds = max(slot.load_seconds, time.monotonic() - began)
            slot.succeed(snapshot, size)
            if not checked:
                slot.mark(self._clock())
            self._evict()
        future.set_result(snapshot)
        return snapshot

    def _evict(self) -> None:
        """Let go what has not been asked for the longest; what is being loaded stays. Called under the lock."""
        held = (
            Held(key, slot.bytes, slot.used, len(slot.snapshot.items) == 0)
            for key, slot in self._slots.items()
            if slot.snapshot is not None and slot.loading is None
        )
        for key in surplus(held, self._memory):
            del self._slots[key]
            metrics.SNAPSHOT_EVICTIONS.inc()
