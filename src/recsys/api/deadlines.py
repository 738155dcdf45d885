"""Requests that take too long are given up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

T = TypeVar("T")

_SWEEPS = 8
"""So many times within a deadline it is looked who has passed it."""


class Deadlines:
    """When each request that is under way has begun; what is older than *seconds* is cancelled.

    They are looked through now and then: a timer for each (asyncio.timeout) costs three times as much, and hardly ever
    rings.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun: dict[asyncio.Task[Any], float] = {}
        self._given_up: set[asyncio.Task[Any]] = set()
        self._sweeping = False

    async def bound(self, work: Awaitable[T]) -> T:
        """Wait for *work* in the task that runs, and cancel it when its time is over."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None  # noqa: S101  a coroutine that waits runs in a task
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(self._seconds / _SWEEPS, self._sweep, loop)
        self._begun[task] = loop.time()
        try:
            return await work
        finally:
            self._begun.pop(task, None)

    def passed(self) -> bool:
        """Tell whether the task that runs was cancelled for its deadline, once; then it may go on and answer."""
        task = asyncio.current_task()
        if task is None or task not in self._given_up:
            return False
        self._given_up.remove(task)
        del self._begun[task]
        task.uncancel()
        return True

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        oldest = loop.time() - self._seconds
        for task, begun in self._begun.items():  # in the order in which they began
            if begun > oldest:
                break
            if task not in self._given_up:
                self._given_up.add(task)
                task.cancel()
        self._sweeping = bool(self._begun)
        if self._sweeping:
            loop.call_later(self._seconds / _SWEEPS, self._sweep, loop)
