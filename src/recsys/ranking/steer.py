"""What merchandisers pin: items that hold a position, whatever they score."""

from __future__ import annotations

from typing import NamedTuple

from recsys.ranking.candidates import Pool
from recsys.ranking.itemlist import Index, ItemList
from recsys.ranking.loops.pool import places_of
from recsys.rules.live import Live, Pin


class Lock(NamedTuple):
    """A position that a pin holds."""

    place: int
    """Of the pinned item in the steered list."""
    pin: Pin


class Steered(NamedTuple):
    """Items with their final scores, and where pins put some of them."""

    items: ItemList
    standing: Index
    """All places by score, the best first."""
    locks: dict[int, Lock]
    """By position in the final list, from 0."""
    unreachable: tuple[Pin, ...]
    """Pins whose item is unknown or was filtered out, or whose position lies beyond the list."""

    @property
    def locked(self) -> set[int]:
        """Return the places of the pinned items."""
        return {lock.place for lock in self.locks.values()}


def steer(pool: Pool, live: Live, k: int) -> Steered:
    """Give pins their positions in a list of *k*, in the order of the rules."""
    items = pool.items
    if not live.pins:
        return Steered(items, pool.standing, {}, ())
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
    return Steered(items, pool.standing, locks, tuple(unreachable))


def _free(pin: Pin, locks: dict[int, Lock]) -> int:
    """Return the position that the pin asks for, or the next free one."""
    position = 0 if pin.position is None else pin.position - 1
    while position in locks:
        position += 1
    return position
