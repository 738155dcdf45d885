"""Calls that block, in a few threads: one per key however many requests wait for it, each with its own patience."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from recsys.errors import Overloaded, Unavailable

T = TypeVar("T")


class Loads:
    """At most *threads* calls at a time and *limit* that run or wait; beyond that Overloaded, at once."""

    def __init__(self, name: str, *, threads: int, limit: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._limit = limit
        self.waiting = 0
        """How many requests wait here."""
        self._running: dict[Hashable, asyncio.Future[Any]] = {}

    async def load(self, key: Hashable, work: Callable[[], T], *, patience: float) -> T:
        """Wait at most *patience* seconds for *work*, or for the call of the same key that is under way.

        Unavailable when it takes longer; the call goes on, so that who asks again may find it done.
        """
        future: asyncio.Future[T] | None = self._running.get(key)
        if future is None:
            future = self._begin(key, work)
        self.waiting += 1
        try:
            done, _ = await asyncio.wait((future,), timeout=patience)
        finally:
            self.waiting -= 1
        if not done:
            raise Unavailable
        return future.result()

    async def run(self, work: Callable[[], T], *, patience: float) -> T:
        """Wait at most *patience* seconds for *work*, which nobody else shares."""
        return await self.load(object(), work, patience=patience)

    def start(self, work: Callable[[], object]) -> None:
        """Begin *work* and wait for nothing; Overloaded where there is no room for it."""
        self._begin(object(), work)

    def _begin(self, key: Hashable, work: Callable[[], T]) -> asyncio.Future[T]:
        if len(self._running) >= self._limit:
            raise Overloaded
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        self._running[key] = future
        future.add_done_callback(lambda done: self._end(key, done))
        return future

    def _end(self, key: Hashable, done: asyncio.Future[Any]) -> None:
        del self._running[key]
        if not done.cancelled():
            done.exception()  # seen: nobody may be waiting any more

    def close(self) -> None:
        """Let what runs end by itself, and begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
