"""The final list: one greedy pass over locked positions, diversity and caps. Nothing re-sorts after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from recsys.ranking.caps import UNLIMITED, Caps
from recsys.ranking.diversity import by_marginal_relevance, pool_size
from recsys.ranking.intent import Intent
from recsys.ranking.itemlist import Index, ItemList, best_first
from recsys.ranking.spread import carrying
from recsys.ranking.steer import Steered
from recsys.snapshot.snapshot import Snapshot

_STRETCH = 64
"""How many items are tried one by one before all that no cap can take any more are left out at once."""


class Picked(NamedTuple):
    """The items to show, and how they came to stand where they stand. Places are those of the steered list."""

    items: ItemList
    """In their final order, at most k."""
    order: list[int]
    """Their places."""
    standing: Index
    """All places by score: where each item stood before pins, diversity and caps."""
    refused: list[int]
    """Numbers of the items that a cap kept out, as far as they were looked at."""
    full: set[int]
    """Tags that the list can carry no more of."""


def pick(steered: Steered, intent: Intent, snapshot: Snapshot) -> Picked:
    """Fill k positions: the locked ones with their pins, each other one with the best item that no cap keeps out."""
    standing = best_first(steered.items)
    if intent.limits is UNLIMITED and intent.params.mmr_lambda is None and not steered.locks:
        top = standing[: intent.k]
        return Picked(steered.items.take(top), top.tolist(), standing, [], set())
    caps = Caps(intent.limits, snapshot)
    order = _fill(steered, _choices(steered, standing, intent, snapshot, caps), intent.k)
    items = steered.items.take(np.array(order, dtype=np.intp))
    return Picked(items, order, standing, caps.refused, caps.full)


def _fill(steered: Steered, choices: Iterator[int], k: int) -> list[int]:
    order = []
    for position in range(k):
        place = steered.locks[position].place if position in steered.locks else next(choices, None)
        if place is not None:
            order.append(place)
    return order


def _choices(steered: Steered, standing: Index, intent: Intent, snapshot: Snapshot, caps: Caps) -> Iterator[int]:
    """Give the places for the free positions, in order: diversified ones first, then the rest by score."""
    items, locked, rest = steered.items, steered.locked, standing
    admit = _gate(items, locked, caps)
    if intent.params.mmr_lambda is not None and len(standing):
        size = pool_size(intent.k, intent.params)
        pool, rest = standing[:size], standing[size:]
        yield from by_marginal_relevance(items, pool, locked, intent.params.mmr_lambda, snapshot, admit)
    while len(rest):
        stretch, rest = rest[:_STRETCH], rest[_STRETCH:]
        yield from (place for place in stretch.tolist() if place not in locked and admit(place))
        if caps.full:
            rest = rest[~carrying(items.numbers.take(rest), np.array(list(caps.full)), snapshot)]


def _gate(items: ItemList, locked: set[int], caps: Caps) -> Callable[[int], bool]:
    """Return what decides about each place that is not locked; locked items count for the caps before all others."""
    if caps.limits is UNLIMITED:
        return lambda _place: True
    numbers = items.numbers
    for place in locked:
        caps.lock(int(numbers[place]))
    return lambda place: caps.admit(int(numbers[place]))
