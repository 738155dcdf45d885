"""What takes too long is given up, and what does not is left alone."""

from __future__ import annotations

import asyncio

import pytest

from recsys.api.deadlines import Deadlines


def test_what_takes_too_long_may_still_answer() -> None:
    """A task that waits for ever is woken soon after its deadline, knows why, and goes on."""

    async def wait(deadlines: Deadlines) -> bool:
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 10)
        except asyncio.CancelledError:
            passed = deadlines.passed()
            await asyncio.sleep(0.1)  # a task that still were cancelled, or were cancelled again, would end here
            return passed and not deadlines.passed()
        return False

    async def run() -> bool:
        deadlines = Deadlines(0.05)
        return await deadlines.bound(wait(deadlines))

    assert asyncio.run(run())


def test_only_what_is_late_is_given_up() -> None:
    """Of two tasks the one that began later goes on to its own deadline."""

    async def wait(deadlines: Deadlines, release: asyncio.Event) -> str:
        try:
            await release.wait()
        except asyncio.CancelledError:
            return "late" if deadlines.passed() else "cancelled"
        return "done"

    async def run() -> tuple[str, str]:
        deadlines, never, release = Deadlines(0.08), asyncio.Event(), asyncio.Event()
        first = asyncio.create_task(deadlines.bound(wait(deadlines, never)))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(deadlines.bound(wait(deadlines, release)))
        late = await first
        release.set()
        return late, await second

    assert asyncio.run(run()) == ("late", "done")


def test_a_stop_is_not_mistaken_for_a_deadline() -> None:
    """Who cancels a request for another reason is obeyed."""

    async def run() -> None:
        deadlines = Deadlines(60)

        async def wait() -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                assert not deadlines.passed()
                raise

        waiting = asyncio.create_task(deadlines.bound(wait()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(run())
