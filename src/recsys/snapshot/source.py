"""Where a process gets its snapshots from: a file of this host that is still true, else the database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import NamedTuple

import psycopg

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.errors import DatabaseUnavailable, Unavailable
from recsys.snapshot.load import load
from recsys.snapshot.loader import LARGE_ROWS, Loaders, Order
from recsys.snapshot.reread import renewed
from recsys.snapshot.shelf import Shelf
from recsys.snapshot.snapshot import Key, Snapshot
from recsys.tenancy.config import SignalParams

AWAY_SECONDS = 5.0
"""After a database did not answer, so long nobody waits for it who can be served from disk."""


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
        self._loaders = Loaders()
        self._away_until = 0.0
        self._connections: set[psycopg.Connection] = set()
        self._closed = threading.Event()
        self._lock = threading.Lock()

    def get(self, key: Key, params: SignalParams, serving: Snapshot | None) -> Got:
        """Return the snapshot of a namespace as it stands: *serving*, the one in service, with what has changed since.

        Where that is too much, or nobody can tell it, a file of this host or a load gives it.
        Where the database is away and nothing is in service, what lies on this host's disk serves unchecked.
        """
        amended = None if serving is None else self._renewed(serving, params)
        if amended is not None:
            return Got(amended, checked=True)
        if self._shelf is None:
            return Got(self._load(key, params), checked=True)
        with self._shelf.alone(key, self._closed):
            found = self._shelf.get(key)
            away = not self._database.met or time.monotonic() < self._away_until
            if found is not None and serving is None and away:
                return Got(found, checked=False)
            try:
                return Got(self._true_or_loaded(self._shelf, key, params, found), checked=True)
            except DatabaseUnavailable:
                self._away_until = time.monotonic() + AWAY_SECONDS
                if found is None or serving is not None:
                    raise
                return Got(found, checked=False)

    def fresh(self, key: Key, params: SignalParams) -> Snapshot:
        """Load everything, whatever is in service or lies on disk; what lies there is replaced."""
        if self._shelf is None:
            return self._load(key, params)
        with self._shelf.alone(key, self._closed):
            return self._load_and_keep(self._shelf, key, params)

    def on_disk(self) -> Iterator[Snapshot]:
        """Map what lies on this host's disk, the one used last first; nothing is checked."""
        return iter(()) if self._shelf is None else self._shelf.recent()

    def close(self) -> None:
        """Cancel what is being loaded and refuse new loads."""
        with self._lock:
            self._closed.set()
            running = list(self._connections)
        self._loaders.close()
        for conn in running:
            with suppress(psycopg.Error):
                conn.cancel_safe()

    def _true_or_loaded(self, shelf: Shelf, key: Key, params: SignalParams, found: Snapshot | None) -> Snapshot:
        amended = None if found is None else self._renewed(found, params)
        return self._load_and_keep(shelf, key, params) if amended is None else amended

    def _load_and_keep(self, shelf: Shelf, key: Key, params: SignalParams) -> Snapshot:
        if self._is_large(key) and (made := self._load_beside(shelf, key, params)) is not None:
            return made
        snapshot = self._load(key, params)
        return (shelf.get(key) if shelf.put(snapshot) else None) or snapshot

    def _is_large(self, key: Key) -> bool:
        about = {"tenant_id": key[0], "namespace": key[1], "rows": LARGE_ROWS}
        with self._reading() as conn:
            return conn.execute(sql("snapshot.is_large"), about).fetchone() == (True,)

    def _load_beside(self, shelf: Shelf, key: Key, params: SignalParams) -> Snapshot | None:
        """Map what a process of its own loads; None where the disk does not take it."""
        order = Order(
            self._database.service_url,
            self._database.prefix,
            *key,
            params,
            self._clock(),
            str(shelf.folder),
            shelf.limit,
        )
        with shelf.alone_with_large(self._closed):
            made = shelf.get(key) if self._loaders.load(order) else None
        shelf.trim()  # the other process counted one file, its own
        return made

    def _renewed(self, serving: Snapshot, params: SignalParams) -> Snapshot | None:
        with self._reading() as conn:
            return renewed(conn, serving, params, self._clock())

    def _load(self, key: Key, params: SignalParams) -> Snapshot:
        with self._reading() as conn:
            return load(conn, *key, params, now=self._clock())

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
