"""More work than this worker can do: refused at once and cheaply, before a queue grows that nobody would wait for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from recsys.api.loads import Loads
from recsys.errors import Overloaded
from recsys.settings import Settings

LEAST = 8
"""Requests that are taken on in a turn however great the rush is, unless the settings allow fewer. Of 35,000 a second,
five times what a worker can do, it answers 1,600 with 2, within 3.4 ms (p99); 3,700 with 8, within 5.6; 5,100 with 16,
within 7.3."""
ASIDE = 16
"""Connections that were put aside and are read in a turn: half a millisecond of refusals, as much as two lists."""


class Overload:
    """Bounds how many requests one event loop has taken on in a turn, and how many are not yet answered.

    Ranking holds the loop, so they wait for each other, and what arrives meanwhile for all of them. Whenever a turn
    refuses more than it takes on, half as many are allowed: nothing is lost by that, because there is always a next
    one, and what is accepted waits less. A turn without a refusal takes that back. Those that wait for a thread (a
    database, a snapshot) hold nothing up and are not counted, up to a bound of their own.

    What arrives in a turn that is full is put aside unread, and refused a few at a time: hundreds at once would hold up
    what the next turn takes on, which has just come.
    """

    def __init__(self, settings: Settings, rooms: Iterable[Loads] = ()) -> None:
        self._limit = self._most = settings.lists_at_once
        self._least = min(LEAST, self._most)
        self._under_way_max = settings.requests_at_once
        self._rooms = tuple(rooms)
        self._begun = self._refused = self._under_way = 0
        self._aside: deque[Callable[[], None]] = deque()
        self._in_turn = self._refusing = False

    @property
    def is_full(self) -> bool:
        """Whether one more would be refused; that is noted as a refusal."""
        if not self._refusing and self._has_room():
            return False
        self._note_turn()
        self._refused += 1
        return True

    def _has_room(self) -> bool:
        waiting = 0
        for room in self._rooms:
            waiting += room.waiting
        return max(self._under_way, self._begun) - waiting < self._limit and self._under_way < self._under_way_max

    def put_aside(self, go_on: Callable[[], None]) -> bool:
        """Call *go_on* at the end of this turn or a later one, if this one is full; it is full then too."""
        if self._begun < self._limit or not self.is_full:
            return False
        self._aside.append(go_on)
        return True

    def enter(self) -> None:
        """Take a request on; Overloaded if there are too many. Who entered leaves, whatever happens."""
        if self.is_full:
            raise Overloaded
        self.take_on()

    def take_on(self) -> None:
        """Take a request on that `is_full` has let through."""
        self._note_turn()
        self._begun += 1
        self._under_way += 1

    def leave(self) -> None:
        """Count a request as answered."""
        self._under_way -= 1

    def _note_turn(self) -> None:
        if not self._in_turn:
            self._in_turn = True
            asyncio.get_running_loop().call_soon(self._end_turn)

    def _end_turn(self) -> None:
        self._refusing = True
        try:
            for _ in range(min(len(self._aside), ASIDE)):
                self._aside.popleft()()
        finally:
            self._refusing = False
            self._begin_turn()

    def _begin_turn(self) -> None:
        if self._refused > self._begun:
            self._limit = max(self._least, self._limit // 2)
        elif not self._refused:
            self._limit = min(self._most, self._limit * 2)
        self._begun = self._refused = 0
        self._in_turn = False
        if self._aside:
            self._note_turn()
