"""Evidence becomes one score in 0..1: a weighted mean of normalised signals."""

from __future__ import annotations

import numpy as np

from recsys.ranking.content import affinities
from recsys.ranking.intent import Intent
from recsys.ranking.itemlist import EMB, POP, PROFILE, ItemList
from recsys.snapshot.snapshot import Scores, Snapshot

DECIMALS = 6
"""Scores are rounded before ties break, so that a refreshed and a freshly loaded snapshot agree."""


def score(items: ItemList, intent: Intent, snapshot: Snapshot) -> ItemList:
    """Fill in every signal that has a share, and blend them.

    Co-visitation is the mean over anchors of the neighbour values, weighted by recency: values are normalised for
    the whole namespace, so a lone weak neighbour stays weak, however few anchors there are.
    """
    signals = items.signals.copy()
    signals[POP] = snapshot.popularity_score.take(items.numbers)
    tastes = {EMB: intent.taste, PROFILE: intent.profile.taste if intent.profile else None}
    known = {row: one for row, one in tastes.items() if one is not None}
    if known:
        for row, affinity in zip(known, affinities(list(known.values()), items.numbers, snapshot), strict=True):
            signals[row] = affinity
    blended = rounded(_blend(signals, intent.shares))
    return ItemList(items.numbers, items.sources, signals, blended, blended)


def rounded(scores: Scores) -> Scores:
    """Round to six decimals."""
    near: Scores = np.rint(scores * 10**DECIMALS) / 10**DECIMALS
    return near


def _blend(signals: Scores, shares: Scores) -> Scores:
    """Add up the parts one signal after the other, so that an item's sum does not depend on its place in the list."""
    total = np.zeros(signals.shape[1])
    for row in np.flatnonzero(shares):
        total += signals[row] * shares[row]
    return total
