"""Blocking work in threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from recsys.api.loads import Loads
from recsys.errors import NotFound, Overloaded, Unavailable


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Give an event that work may wait for; it is set when the test ends."""
    event = threading.Event()
    yield event
    event.set()


def test_one_call_serves_all_who_wait(gate: threading.Event) -> None:
    """A hundred waits for one key are one call."""
    calls = []

    def work() -> str:
        calls.append(1)
        gate.wait(10)
        return "done"

    async def scenario() -> list[str]:
        loads = Loads("test", threads=2, limit=4)
        waiting = [asyncio.ensure_future(loads.load("key", work, patience=10)) for _ in range(100)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*waiting)

    assert asyncio.run(scenario()) == ["done"] * 100
    assert len(calls) == 1


def test_patience_ends_the_wait_and_not_the_work(gate: threading.Event) -> None:
    """Who waited too long is told to come back; who comes back finds the same call, and then its result."""

    async def scenario() -> str:
        loads = Loads("test", threads=1, limit=1)

        def work() -> str:
            gate.wait(10)
            return "done"

        with pytest.raises(Unavailable):
            await loads.load("key", work, patience=0.001)
        again = asyncio.ensure_future(loads.load("key", lambda: "another", patience=10))
        await asyncio.sleep(0)
        gate.set()
        return await again

    assert asyncio.run(scenario()) == "done"


def test_too_much_at_once_is_refused_at_once(gate: threading.Event) -> None:
    """Beyond its limit nothing is queued."""

    async def scenario() -> None:
        loads = Loads("test", threads=1, limit=1)
        first = asyncio.ensure_future(loads.load("a", lambda: gate.wait(10), patience=10))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await loads.load("b", lambda: None, patience=10)
        gate.set()
        await first
        assert await loads.load("b", lambda: 1, patience=10) == 1

    asyncio.run(scenario())


def test_a_failure_reaches_everyone_who_waits_and_is_not_kept() -> None:
    """The error of the work is raised, and the next call tries again."""

    def fail() -> None:
        raise NotFound

    async def scenario() -> None:
        loads = Loads("test", threads=1, limit=1)
        with pytest.raises(NotFound):
            await loads.load("key", fail, patience=10)
        assert await loads.load("key", lambda: 1, patience=10) == 1

    asyncio.run(scenario())


def test_what_nobody_shares_runs_each_time() -> None:
    """`run` has no key: two of them are two calls."""
    calls: list[int] = []

    async def scenario() -> None:
        loads = Loads("test", threads=2, limit=2)
        await asyncio.gather(*(loads.run(lambda: calls.append(1), patience=10) for _ in range(2)))

    asyncio.run(scenario())
    assert len(calls) == 2
