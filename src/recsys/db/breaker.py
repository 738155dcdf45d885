"""Remembers that a database does not answer, so that nobody waits to find that out once more."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from recsys.errors import DatabaseUnavailable

FAILURES = 3
"""So many in a row open it: one lost connection says little."""
STUCK_SECONDS = 0.25
"""A read that takes this long holds up those behind it."""
PROBE_SECONDS = 0.5
"""How often it is tried whether the database is back."""

T = TypeVar("T")


class Breaker:
    """Whether it is worth while to begin a read. Thread-safe.

    =========  =========================================================================================
    closed     every read may begin
    open       none may: FAILURES in a row found no database, or one has been at it for STUCK_SECONDS
    half open  one may, every PROBE_SECONDS; nobody should wait for it. If it succeeds, it is closed again
    =========  =========================================================================================
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._probed_at = float("-inf")
        self._running: dict[object, float] = {}  # in the order in which they began
        self._lock = Lock()

    @property
    def is_closed(self) -> bool:
        """Whether reads may begin."""
        return self._failures < FAILURES and not self._is_stuck()

    def _is_stuck(self) -> bool:
        with self._lock:
            began = next(iter(self._running.values()), None)
        return began is not None and self._clock() - began >= STUCK_SECONDS

    def claim_probe(self) -> bool:
        """Whether one read should be tried although it is open; True once in PROBE_SECONDS."""
        now = self._clock()
        with self._lock:
            if now - self._probed_at < PROBE_SECONDS:
                return False
            self._probed_at = now
        return True

    def watch(self, read: Callable[[], T]) -> T:
        """Run *read* and note how it ends. DatabaseUnavailable is a failure, whatever else it raises is an answer."""
        running = object()
        with self._lock:
            self._running[running] = self._clock()
        try:
            answer = read()
        except DatabaseUnavailable:
            self._end(running, failures=self._failures + 1)
            raise
        except BaseException:
            self._end(running, failures=0)
            raise
        self._end(running, failures=0)
        return answer

    def _end(self, running: object, *, failures: int) -> None:
        with self._lock:
            del self._running[running]
            self._failures = failures
            if failures:  # the next probe is due a while after this one was over
                self._probed_at = self._clock()
