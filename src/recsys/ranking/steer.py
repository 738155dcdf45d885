"""What merchandisers want: boosted and buried scores, and pins that become locked positions."""

from __future__ import annotations

from typing import NamedTuple

from recsys.ranking.itemlist import ItemList
from recsys.ranking.loops.pool import lifted, places_of
from recsys.rules.live import Live, Pin


class Lock(NamedTuple):
    """A position that a pin holds."""

    place: int
    """Of the pinned item in the steered list."""
    pin: Pin


class Steered(NamedTuple):
    """Items with their final scores, and where pins put some of them."""

    items: ItemList
    locks: dict[int, Lock]
    """By position in the final list, from 0."""
    unreachable: tuple[Pin, ...]
    """Pins whose item is unknown or was filtered out, or whose position lies beyond the list."""

    @property
    def locked(self) -> set[int]:
        """Return the places of the pinned items."""
        return {lock.place for lock in self.locks.values()}


def steer(items: ItemList, live: Live, k: int) -> Steered:
    """Add what boost and bury rules say, and give pins their positions in a list of *k*, in the order of the rules."""
    if live.lift is not None:
        score = lifted(items.base, live.lift, items.numbers)
        items = ItemList(items.numbers, items.signals, items.base, score)
    return _lock(items, live, k) if live.pins else Steered(items, {}, ())


def _lock(items: ItemList, live: Live, k: int) -> Steered:
    locks: dict[int, Lock] = {}
    unreachable = []
    placed: dict[str, int] = {}
    done: set[int] = set()
    for pin, place in zip(live.pins, places_of(items.numbers, live.pinned).tolist(), strict=True):
        if place in done or (pin.limit is not None and placed.get(pin.rule_id, 0) >= pin.limit):
            continue
        position = _free(pin, locks)
        if place < 0 or position >= k:
            unreachable.append(pin)
            continue
        locks[position] = Lock(place, pin)
        placed[pin.rule_id] = placed.get(pin.rule_id, 0) + 1
        done.add(place)
    return Steered(items, locks, tuple(unreachable))


def _free(pin: Pin, locks: dict[int, Lock]) -> int:
    """Return the position that the pin asks for, or the next free one."""
    position = 0 if pin.position is None else pin.position - 1
    while position in locks:
        position += 1
    return position
