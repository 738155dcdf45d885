"""Where a process gets its snapshots from: a file of this host that is still true, else the database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import psycopg

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.errors import DatabaseUnavailable, Unavailable
from recsys.snapshot.eviction import Key
from recsys.snapshot.filed import Filed, Origin
from recsys.snapshot.load import load
from recsys.snapshot.shelf import Shelf
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import SignalParams

AWAY_SECONDS = 5.0
"""After a database did not answer, so long nobody waits for it who can be served from disk."""
KEPT = timedelta(hours=20)
"""How long the log of changes can tell whether a file is still true; its rows are kept for 24 hours."""


class Got(NamedTuple):
    """A snapshot, and whether it is known to be what the database holds."""

    snapshot: Snapshot
    checked: bool


class Source:
    """Loads snapshots, one of a namespace at a time on this host. Any thread may call it."""

    def __init__(self, database: Database, shelf: Shelf | None, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._shelf = shelf
        self._clock = clock
        self._away_until = 0.0
        self._connections: set[psycopg.Connection] = set()
        self._closed = threading.Event()
        self._lock = threading.Lock()

    def get(self, key: Key, params: SignalParams, serving: Snapshot | None) -> Got:
        """Return the snapshot of a namespace as it stands: *serving*, the one in service, where that is still true.

        Where the database is away and nothing is in service, what lies on this host's disk serves unchecked.
        """
        if self._shelf is None:
            return Got(self._load(key, params)[0], checked=True)
        with self._shelf.alone(key, self._closed):
            found = self._shelf.get(key)
            if found is not None and serving is None and time.monotonic() < self._away_until:
                return Got(self._shelf.snapshot(key, found) or self._load(key, params)[0], checked=False)
            try:
                return self._true_or_loaded(self._shelf, key, params, found, serving)
            except DatabaseUnavailable:
                self._away_until = time.monotonic() + AWAY_SECONDS
                left = self._shelf.snapshot(key, found) if found is not None and serving is None else None
                if left is None:
                    raise
                return Got(left, checked=False)

    def on_disk(self) -> Iterator[tuple[Key, Snapshot]]:
        """Map what lies on this host's disk, the one used last first; nothing is checked."""
        return iter(()) if self._shelf is None else self._shelf.recent()

    def close(self) -> None:
        """Cancel what is being loaded and refuse new loads."""
        with self._lock:
            self._closed.set()
            running = list(self._connections)
        for conn in running:
            with suppress(psycopg.Error):
                conn.cancel_safe()

    def _true_or_loaded(
        self, shelf: Shelf, key: Key, params: SignalParams, found: Filed | None, serving: Snapshot | None
    ) -> Got:
        if found is not None and self._is_true(key, params, found):
            if serving is not None and found.made(serving):
                return Got(serving, checked=True)
            if (snapshot := shelf.snapshot(key, found)) is not None:
                return Got(snapshot, checked=True)
        snapshot, origin = self._load(key, params)
        mapped = shelf.get(key) if shelf.put(key, snapshot, origin) else None
        return Got((mapped and shelf.snapshot(key, mapped)) or snapshot, checked=True)

    def _is_true(self, key: Key, params: SignalParams, found: Filed) -> bool:
        """Say whether a load would give what the file holds: the same parameters, the same day, no change since."""
        now = self._clock()
        same_day = found.as_of.astimezone(UTC).date() == now.astimezone(UTC).date()
        if found.params != params or not same_day or now - found.as_of > KEPT:
            return False
        with self._reading() as conn:
            origin = found.origin
            about = {"tenant_id": key[0], "namespace": key[1], "seen": origin.seen, "cluster": origin.cluster}
            return conn.execute(sql("changes.none_since"), about).fetchone() == (True,)

    def _load(self, key: Key, params: SignalParams) -> tuple[Snapshot, Origin]:
        with self._reading() as conn:
            row = conn.execute(sql("changes.origin")).fetchone()
            assert row is not None  # noqa: S101  a select without a from
            return load(conn, *key, params, now=self._clock()), Origin(*row)

    @contextmanager
    def _reading(self) -> Iterator[psycopg.Connection]:
        with self._database.reading() as conn:
            with self._lock:
                if self._closed.is_set():
                    raise Unavailable("The service is stopping.")
                self._connections.add(conn)
            try:
                yield conn
            finally:
                with self._lock:
                    self._connections.discard(conn)
