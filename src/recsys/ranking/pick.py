"""The final list: one greedy pass over locked positions, diversity and caps. Nothing re-sorts after it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recsys.ranking.intent import Intent
from recsys.ranking.itemlist import Index, ItemList
from recsys.ranking.loops.greedy import full, picked
from recsys.ranking.steer import Steered
from recsys.snapshot.snapshot import Snapshot


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
    items, standing = steered.items, steered.standing
    order, refused, tags, counts = picked(
        standing,
        items.numbers.astype(np.uint32),
        items.score,
        steered.places,
        steered.positions,
        intent.k,
        intent.plan.balance,
        intent.plan.among,
        snapshot.catalogue,
        snapshot.tag_weight,
        intent.limits,
    )
    return Picked(
        items.take(order), order.tolist(), standing, items.numbers[refused], full(intent.limits, tags, counts)
    )
