"""What a worker takes on, and what it refuses at once."""

from __future__ import annotations

import asyncio

import pytest

from recsys.api.overload import Overload
from recsys.errors import Overloaded
from recsys.settings import Settings


def test_what_begins_in_one_turn_is_bounded() -> None:
    """The fourth request of a turn is refused where three may begin; the next turn begins anew."""

    async def run() -> None:
        overload = Overload(Settings(lists_at_once=3))
        for _ in range(2):
            for _ in range(3):
                overload.enter()
            with pytest.raises(Overloaded):
                overload.enter()
            await asyncio.sleep(0)

    asyncio.run(run())


def test_what_waits_for_something_else_holds_nothing_up() -> None:
    """Requests that are under way do not count against the turn, only against the much larger bound of all."""

    async def run() -> None:
        overload = Overload(Settings(lists_at_once=2, requests_at_once=4))
        for _ in range(2):
            overload.enter()
            overload.enter()
            await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            overload.enter()
        overload.leave()
        overload.enter()

    asyncio.run(run())
