"""Doing something again and again on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def ticking(seconds: float, tick: Callable[[float], None]) -> Iterator[None]:
    """Call *tick* on the running loop, so many *seconds* after it returned, until the block ends.

    It is given the time of the loop at which it was due.
    """
    loop = asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle] = []

    def wait() -> None:
        due = loop.time() + seconds
        timers[:] = [loop.call_at(due, again, due)]

    def again(due: float) -> None:
        tick(due)
        wait()

    wait()
    try:
        yield
    finally:
        timers[0].cancel()
