"""The final list: one greedy pass over locked positions, diversity and caps. Nothing re-sorts after it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recsys.ranking.caps import UNLIMITED
from recsys.ranking.compiled import Grid
from recsys.ranking.diversity import NO_WORTH, marginal_relevance, pool_size
from recsys.ranking.intent import Intent
from recsys.ranking.itemlist import Index, ItemList
from recsys.ranking.loops.greedy import choose, woven
from recsys.ranking.steer import Steered
from recsys.snapshot.snapshot import Snapshot

_NONE = np.empty(0, dtype=np.intp)


class Picked(NamedTuple):
    """The items to show, and how they came to stand where they stand. Places are those of the steered list."""

    items: ItemList
    """In their final order, at most k."""
    order: list[int]
    """Their places."""
    standing: Index
    """All places by score: where each item stood before pins, diversity and caps."""
    refused: Index
    """Numbers of the items that a cap kept out, as far as they were looked at."""
    full: Index
    """Tags that the list can carry no more of, ascending."""
    drawn: dict[int, float] | None = None
    """Ranks, from 0, whose item chance chose, and how likely it was to be chosen; None where chance had no say."""


def pick(steered: Steered, intent: Intent, snapshot: Snapshot) -> Picked:
    """Fill k positions: the locked ones with their pins, each other one with the best item that no cap keeps out.

    Locked items count for the caps before all others.
    """
    items, standing, places = steered.items, steered.standing, steered.places
    if intent.limits is UNLIMITED and intent.params.mmr_lambda is None and not len(places):
        top = standing[: intent.k]
        return Picked(items.take(top), top.tolist(), standing, _NONE, _NONE)
    worth = _worth(items, standing, intent, snapshot)
    chosen, refused, full = choose(
        standing, items.numbers, places, intent.k - len(places), worth, snapshot.catalogue, intent.limits
    )
    order = woven(places, steered.positions, chosen, intent.k)
    return Picked(items.take(order), order.tolist(), standing, items.numbers[refused], full)


def _worth(items: ItemList, standing: Index, intent: Intent, snapshot: Snapshot) -> Grid:
    balance = intent.params.mmr_lambda
    if balance is None or len(standing) == 0:
        return NO_WORTH
    return marginal_relevance(items, standing[: pool_size(intent.k, intent.params)], balance, snapshot)
