"""What merchandisers pin: items that hold a position, whatever they score."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from recsys.ranking.candidates import Pool
from recsys.ranking.itemlist import Index, ItemList
from recsys.ranking.loops.greedy import locked
from recsys.rules.live import Live, Pin

_NONE: Final = np.empty(0, dtype=np.int64)


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
    places: Index
    """(l,) the places that are locked."""
    positions: Index
    """(l,) and the position of each, ascending."""
    states: list[int]
    """What became of each pin, as `locked` says it."""

    @property
    def locked(self) -> set[int]:
        """Return the places of the pinned items."""
        return set(self.places.tolist())


def steer(pool: Pool, live: Live, k: int) -> Steered:
    """Give pins their positions in a list of *k*, in the order of the rules."""
    items = pool.items
    if not live.pins:
        return Steered(items, pool.standing, {}, _NONE, _NONE, [])
    bits = np.zeros(len(pool.numbers), dtype=np.intp)
    bits[pool.verdicts == 0] = pool.bits
    there, positions, pins, states = locked(live.pinning, _there(live, pool), pool.verdicts, bits, k)
    places = items.numbers.searchsorted(pool.numbers[there])
    held = zip(positions.tolist(), places.tolist(), pins.tolist(), strict=True)
    locks = {position: Lock(place, live.pins[pin]) for position, place, pin in held}
    return Steered(items, pool.standing, locks, places, positions, states.tolist())


def _there(live: Live, pool: Pool) -> Index:
    """Return the place of each pin's item in the pool; behind the last one, the pool does not hold it."""
    wanted, numbers = live.pinning[0].astype(np.intp), pool.numbers
    places = numbers.searchsorted(wanted)
    held = np.append(numbers, -2)[places] == wanted  # -1 is a pin of no item
    return np.where(held, places, len(numbers))
