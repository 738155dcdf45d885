"""Histories that were read lately, in memory: good until told otherwise, or for some seconds.

An interaction that was just accepted still lies in a spool: whoever reads the database now does not see it. So being
told does not throw a history away once; for as long as the drain may take, it is read anew several times a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from hashlib import blake2b
from threading import Lock
from typing import NamedTuple, TypeVar
from uuid import UUID

from recsys.ranking.query import Event

FRESH_SECONDS = 4.0
"""How long nobody needs to confirm a history. With the way through spool and drain it stays below 5 seconds."""
SETTLING_SECONDS = 3.0
"""How long after being told the drain may still be at it."""
BRIEF_SECONDS = 0.25
"""How long a history is good meanwhile."""
HISTORIES_MAX = 10_000
"""Visitors kept; about 10 KB each with 100 events."""
TOLD_MAX = 100_000
"""Visitors that are known to have changed; with more of them, everybody counts as changed."""
MARK_BYTES = 16

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

Marks = tuple[bytes, ...]
"""Who a history belongs to: digests of the person, of the session, or of both."""


def marks(tenant_id: UUID, user_key: bytes | None, session_id: str | None) -> Marks:
    """Make the marks of a visitor, and of an interaction of theirs: they share one."""
    found = () if user_key is None else (_digest(tenant_id, b"u", user_key),)
    return found if session_id is None else (*found, _digest(tenant_id, b"s", session_id.encode()))


def _digest(tenant_id: UUID, kind: bytes, name: bytes) -> bytes:
    return blake2b(tenant_id.bytes + kind + name, digest_size=MARK_BYTES).digest()


class _Kept(NamedTuple):
    events: tuple[Event, ...]
    asked_at: float


class Histories:
    """A bounded cache of visitors' recent interactions. Thread-safe; holds digests, never an id or a key."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[Marks, _Kept] = {}  # in the order of asking, which is that of expiring
        self._told: dict[bytes, float] = {}  # in the order of telling
        self._all_told_at = -FRESH_SECONDS
        self._forgotten_at = float("-inf")
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def now(self) -> float:
        """Read the clock that ages are counted by; to be asked before the database is."""
        return self._clock()

    def get(self, whose: Marks) -> tuple[Event, ...] | None:
        """Return a history that is good, None when it must be read."""
        kept = self._kept.get(whose)
        if kept is None:
            return None
        changing = max(self._all_told_at, *(self._told.get(mark, self._all_told_at) for mark in whose))
        good_for = BRIEF_SECONDS if kept.asked_at < changing + SETTLING_SECONDS else FRESH_SECONDS
        return kept.events if self._clock() < kept.asked_at + good_for else None

    def put(self, whose: Marks, events: tuple[Event, ...], asked_at: float) -> None:
        """Keep what the database, asked at *asked_at*, said; not if everything was forgotten meanwhile."""
        with self._lock:
            if asked_at <= self._forgotten_at:
                return
            self._kept.pop(whose, None)
            self._kept[whose] = _Kept(events, asked_at)
            self._expire()

    def tell(self, changed: Iterable[bytes]) -> None:
        """Note that visitors with these marks did something."""
        with self._lock:
            now = self._clock()
            for mark in changed:
                self._told.pop(mark, None)
                self._told[mark] = now
            if len(self._told) > TOLD_MAX:
                self._told.clear()
                self._all_told_at = now
            self._expire()

    def forget(self) -> None:
        """Keep nothing, not even what is being read now: somebody was erased, or a message was lost."""
        with self._lock:
            self._forgotten_at = self._all_told_at = self._clock()
            self._kept.clear()
            self._told.clear()

    def sweep(self) -> None:
        """Let go of what is too old to be used."""
        with self._lock:
            self._expire()

    def _expire(self) -> None:
        now = self._clock()
        _drop_oldest(self._kept, lambda kept: kept.asked_at < now - FRESH_SECONDS, HISTORIES_MAX)
        _drop_oldest(self._told, lambda told_at: told_at < now - SETTLING_SECONDS - FRESH_SECONDS, TOLD_MAX)


def _drop_oldest(entries: dict[_Key, _Value], is_over: Callable[[_Value], bool], most: int) -> None:
    while entries:
        oldest = next(iter(entries))
        if len(entries) <= most and not is_over(entries[oldest]):
            return
        del entries[oldest]
