"""What a worker takes on, and what it refuses at once."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import pytest

from recsys.api.loads import Loads
from recsys.api.overload import ASIDE, LEAST, Overload
from recsys.errors import Overloaded
from recsys.settings import Settings


def test_what_is_not_answered_yet_is_bounded() -> None:
    """The ninth request is refused where eight may be under way, until one of them is answered."""

    async def run() -> None:
        overload = Overload(Settings(lists_at_once=8))
        for _ in range(8):
            overload.enter()
        with pytest.raises(Overloaded):
            overload.enter()
        await asyncio.sleep(0)
        overload.leave()
        overload.enter()
        assert overload.is_full

    asyncio.run(run())


def test_a_rush_makes_turns_shorter_and_calm_makes_them_longer_again() -> None:
    """A turn that refuses more than it takes halves the next, down to a few; one without a refusal takes that back."""

    async def turn(overload: Overload, arriving: int) -> int:
        begun = 0
        for _ in range(arriving):
            with suppress(Overloaded):
                overload.enter()
                begun += 1
        for _ in range(begun):
            overload.leave()
        await asyncio.sleep(0)
        return begun

    async def run() -> list[int]:
        overload = Overload(Settings(lists_at_once=8 * LEAST))
        rush = [await turn(overload, 40 * LEAST) for _ in range(5)]
        return rush + [await turn(overload, 1) for _ in range(3)] + [await turn(overload, 10 * LEAST)]

    assert asyncio.run(run()) == [8 * LEAST, 4 * LEAST, 2 * LEAST, LEAST, LEAST, 1, 1, 1, 8 * LEAST]


def test_a_small_excess_costs_only_the_excess() -> None:
    """A turn that refuses less than it takes leaves the next one as it was."""

    async def run() -> list[int]:
        overload, taken = Overload(Settings(lists_at_once=8)), []
        for _ in range(3):
            taken.append(0)
            for _ in range(12):
                with suppress(Overloaded):
                    overload.enter()
                    taken[-1] += 1
            for _ in range(taken[-1]):
                overload.leave()
            await asyncio.sleep(0)
        return taken

    assert asyncio.run(run()) == [8, 8, 8]


def test_what_is_answered_at_once_counts_in_its_turn() -> None:
    """A turn takes on no more than may be under way, however fast they are answered."""

    async def run() -> None:
        overload = Overload(Settings(lists_at_once=4))
        for _ in range(4):
            overload.enter()
            overload.leave()
        assert overload.is_full
        await asyncio.sleep(0)
        assert not overload.is_full

    asyncio.run(run())


def test_what_waits_for_a_thread_holds_nothing_up() -> None:
    """A request that waits for a database or a snapshot makes room for another, up to the bound of all."""

    async def run() -> None:
        room = Loads("test", threads=1, limit=8)
        overload = Overload(Settings(lists_at_once=4, requests_at_once=6), (room,))
        for _ in range(4):
            overload.enter()
        release = threading.Event()
        waiting = [asyncio.create_task(room.load("one", release.wait, patience=30)) for _ in range(4)]
        await asyncio.sleep(0)
        for _ in range(2):
            overload.enter()
        with pytest.raises(Overloaded):
            overload.enter()
        release.set()
        await asyncio.gather(*waiting)
        assert overload.is_full
        room.close()

    asyncio.run(run())


def test_what_arrives_in_a_full_turn_is_refused_behind_it_a_few_at_a_time() -> None:
    """It is taken up in its order and finds no room, while what arrives with the next turn does."""

    async def run() -> list[tuple[int, int, int]]:
        overload, refused, turns = Overload(Settings(lists_at_once=LEAST)), [0], []

        def take_up() -> None:
            with pytest.raises(Overloaded):
                overload.enter()
            refused[0] += 1

        for arriving in (ASIDE + LEAST + 1, 1, 0):
            taken = aside = 0
            for _ in range(arriving):
                if overload.put_aside(take_up):
                    aside += 1
                else:
                    overload.enter()
                    overload.leave()
                    taken += 1
            await asyncio.sleep(0)
            turns.append((taken, aside, refused[0]))
        return turns

    assert asyncio.run(run()) == [(LEAST, ASIDE + 1, ASIDE), (1, 0, ASIDE + 1), (0, 0, ASIDE + 1)]


def test_what_fails_behind_a_turn_does_not_close_the_next() -> None:
    """The event loop hears of it, and the others are taken up with the turn after."""

    async def run() -> list[str]:
        said: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, about: said.append(str(about["exception"])))
        overload = Overload(Settings(lists_at_once=LEAST))
        for _ in range(LEAST):
            overload.enter()
            overload.leave()

        def fail() -> None:
            raise ValueError("failed")

        assert overload.put_aside(fail)
        assert overload.put_aside(lambda: said.append("taken up"))
        await asyncio.sleep(0)
        assert not overload.is_full
        await asyncio.sleep(0)
        return said

    assert asyncio.run(run()) == ["failed", "taken up"]


def test_nothing_is_put_aside_without_a_rush() -> None:
    """As long as a turn has room, what arrives is read at once."""

    async def run() -> None:
        overload = Overload(Settings(lists_at_once=4))
        for _ in range(4):
            assert not overload.put_aside(lambda: None)
            overload.enter()
            overload.leave()
        assert overload.put_aside(lambda: None)
        await asyncio.sleep(0)
        assert not overload.put_aside(lambda: None)

    asyncio.run(run())
