"""The final list: one greedy pass over locked positions, diversity and caps. Nothing re-sorts after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np

from recsys.ranking.caps import Caps
from recsys.ranking.diversity import by_marginal_relevance, pool_size
from recsys.ranking.intent import Intent
from recsys.ranking.itemlist import Index, ItemList
from recsys.ranking.scoring import DECIMALS
from recsys.ranking.steer import Steered
from recsys.snapshot.snapshot import Snapshot

_PLACE_BITS: Final = 28


class Picked(NamedTuple):
    """The items to show."""

    items: ItemList
    """In their final order, at most k."""
    best_first: Index
    """Places in the steered list by score; where an item stood before pins, diversity and caps moved it."""
    order: list[int]
    """Places in the steered list of the items shown."""
    capped: list[int]
    """Numbers of the items that a cap kept out."""


def pick(steered: Steered, intent: Intent, snapshot: Snapshot) -> Picked:
    """Fill k positions: the locked ones with their pins, each other one with the best item that no cap keeps out."""
    items = steered.items
    best_first = by_score(items)
    if not (steered.locks or intent.limits or intent.mmr_lambda is not None):
        top = best_first[: intent.k]
        return Picked(items.take(top), best_first, top.tolist(), [])
    caps = Caps(intent.limits, snapshot) if intent.limits else None
    order = _fill(steered, best_first, intent, snapshot, caps)
    return Picked(items.take(np.array(order, dtype=np.intp)), best_first, order, caps.refused if caps else [])


def by_score(items: ItemList) -> Index:
    """Return all places, best score first, ties by number, shape (m,).

    Score and place share one integer, so one sort gives a total order and no tie is left to chance.
    """
    keys = np.rint(items.score * -(10**DECIMALS)).astype(np.int64)
    keys <<= _PLACE_BITS
    keys |= np.arange(len(keys))
    keys.sort()
    keys &= (1 << _PLACE_BITS) - 1
    places: Index = keys.astype(np.intp, copy=False)
    return places


def _fill(steered: Steered, best_first: Index, intent: Intent, snapshot: Snapshot, caps: Caps | None) -> list[int]:
    locked = {place for place, _ in steered.locks.values()}
    choices = _choices(steered.items, best_first, locked, intent, snapshot, _gate(steered.items, locked, caps))
    order = []
    for position in range(intent.k):
        place = steered.locks[position][0] if position in steered.locks else next(choices, None)
        if place is not None:
            order.append(place)
    return order


def _gate(items: ItemList, locked: set[int], caps: Caps | None) -> Callable[[int], bool]:
    """Return what decides about each place that is not locked; locked items count for the caps before all others."""
    if caps is None:
        return lambda _place: True
    for place in locked:
        caps.lock(int(items.numbers[place]))
    return lambda place: caps.admit(int(items.numbers[place]))


def _choices(
    items: ItemList,
    best_first: Index,
    locked: set[int],
    intent: Intent,
    snapshot: Snapshot,
    admit: Callable[[int], bool],
) -> Iterator[int]:
    """Give the places that fill the free positions, in order: diversified ones first, then the rest by score."""
    rest = best_first
    if intent.mmr_lambda is not None and len(best_first):
        pool, rest = np.split(best_first, [pool_size(intent.k)])
        yield from by_marginal_relevance(items, pool, locked, intent.mmr_lambda, snapshot, admit)
    yield from (place for place in rest.tolist() if place not in locked and admit(place))
