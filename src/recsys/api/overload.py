"""More work than this worker can do: refused at once, before a queue grows that nobody would wait for."""

from __future__ import annotations

import asyncio

from recsys.errors import Overloaded
from recsys.settings import Settings


class Overload:
    """Bounds what one event loop takes on: what begins in one turn of it, and what is under way.

    Ranking holds the loop, so requests that begin in the same turn wait for each other: their number is the length
    of the queue. What waits for something else (a database, a disk, a snapshot) holds nothing up and is only counted.
    """

    def __init__(self, settings: Settings) -> None:
        self._begun_max = settings.lists_at_once
        self._under_way_max = settings.requests_at_once
        self._begun = 0
        self._under_way = 0

    def enter(self) -> None:
        """Take a request on; Overloaded if there are too many. Who entered leaves, whatever happens."""
        if self._begun >= self._begun_max or self._under_way >= self._under_way_max:
            raise Overloaded
        if self._begun == 0:
            asyncio.get_running_loop().call_soon(self._next_turn)
        self._begun += 1
        self._under_way += 1

    def leave(self) -> None:
        """Count a request as answered."""
        self._under_way -= 1

    def _next_turn(self) -> None:
        self._begun = 0
