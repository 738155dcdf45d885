"""The thread that syncs behind the writes of a spool: one fdatasync for all who wait, and one every interval."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from threading import Event, Lock, Thread

import structlog

from recsys.eager import Promise
from recsys.events.writer import SegmentWriter

Waiters = list[Promise[bool]]

LOOK_SECONDS = 1.0
"""How often the room that is left is measured."""

_log = structlog.get_logger()


class Syncer:
    """Group commit: whoever waits is told after one sync that began when its bytes were written."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        writer: SegmentWriter,
        interval: float,
        on_error: Callable[[OSError], None],
        look: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._writer = writer
        self._interval = interval
        self._on_error = on_error
        self._look = look
        self._waiters: Waiters = []
        self._lock = Lock()
        self._dirty = Event()
        self._urgent = Event()
        self._stopping = False
        self._thread = Thread(target=self._run, name="spool-sync", daemon=True)

    def start(self) -> None:
        """Begin to sync."""
        self._thread.start()

    def stop(self) -> None:
        """Sync once more and end. What is written after this is synced by nobody."""
        self._stopping = True
        self._urgent.set()
        self._dirty.set()
        self._thread.join()

    def wait_for(self, waiters: Waiters) -> None:
        """Note that there is something new to sync, and tell *waiters* (True: it is on disk) when that is done."""
        if waiters:
            with self._lock:
                self._waiters += waiters
            self._urgent.set()
        if not self._dirty.is_set():
            self._dirty.set()

    def _run(self) -> None:
        looked = time.monotonic()
        while not self._stopping:
            if self._dirty.wait(LOOK_SECONDS):
                self._urgent.wait(self._interval)
                self._sync()
            if time.monotonic() - looked >= LOOK_SECONDS:
                self._measure()
                looked = time.monotonic()
        self._sync()

    def _sync(self) -> None:
        self._dirty.clear()
        self._urgent.clear()
        with self._lock:
            waiters, self._waiters = self._waiters, []
        try:
            self._writer.sync()
        except OSError as error:
            self._on_error(error)
            self._tell(waiters, False)
        else:
            self._tell(waiters, True)

    def _measure(self) -> None:
        try:
            self._look()
        except OSError as error:
            _log.error("the spool can not be measured", error=str(error))

    def _tell(self, waiters: Waiters, durable: bool) -> None:
        if waiters:
            self._loop.call_soon_threadsafe(resolve, waiters, durable)


def resolve(waiters: Waiters, result: bool) -> None:
    """Tell every waiter that has not been cancelled meanwhile."""
    for waiter in waiters:
        waiter.settle(result)
