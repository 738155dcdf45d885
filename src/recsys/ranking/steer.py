"""What merchandisers want: boosted and buried scores, and pins that become locked positions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recsys.ranking.itemlist import ItemList
from recsys.ranking.scoring import rounded
from recsys.rules.live import Live, Pin


class Steered(NamedTuple):
    """Items with their final scores, and where pins put some of them."""

    items: ItemList
    locks: dict[int, tuple[int, Pin]]
    """Position (from 0) -> place in `items`, and the pin."""
    unreachable: tuple[Pin, ...]
    """Pins whose item is unknown, was filtered out, or whose position lies beyond the list."""


def steer(items: ItemList, live: Live, k: int) -> Steered:
    """Add what boost and bury rules say, and give pins their positions in a list of *k*, in the order of the rules."""
    if live.lift is not None:
        score = rounded(items.base + live.lift.take(items.numbers))
        items = ItemList(items.numbers, items.sources, items.signals, items.base, score)
    if not live.pins:
        return Steered(items, {}, ())
    return _lock(items, live.pins, k)


def _lock(items: ItemList, pins: tuple[Pin, ...], k: int) -> Steered:
    places = _places(items, pins)
    locks: dict[int, tuple[int, Pin]] = {}
    unreachable = []
    placed: dict[str, int] = {}
    done: set[int] = set()
    for pin, place in zip(pins, places, strict=True):
        if place in done or (pin.limit is not None and placed.get(pin.rule_id, 0) >= pin.limit):
            continue
        position = _free(pin, locks, k)
        if place is None or position is None:
            unreachable.append(pin)
            continue
        locks[position] = (place, pin)
        placed[pin.rule_id] = placed.get(pin.rule_id, 0) + 1
        done.add(place)
    return Steered(items, locks, tuple(unreachable))


def _places(items: ItemList, pins: tuple[Pin, ...]) -> list[int | None]:
    """Find each pin's item in the ascending list."""
    if len(items) == 0:
        return [None] * len(pins)
    wanted = np.array([-1 if pin.number is None else pin.number for pin in pins])
    places = np.minimum(items.numbers.searchsorted(wanted), len(items) - 1)
    found = items.numbers.take(places) == wanted
    return [place if there else None for place, there in zip(places.tolist(), found.tolist(), strict=True)]


def _free(pin: Pin, locks: dict[int, tuple[int, Pin]], k: int) -> int | None:
    """Return the position that the pin asks for or the next free one; None if the list ends before."""
    position = 0 if pin.position is None else pin.position - 1
    while position in locks:
        position += 1
    return position if position < k else None
