"""Evidence becomes one score in 0..1: a weighted mean of normalised signals."""

from __future__ import annotations

from recsys.ranking.content import affinity
from recsys.ranking.intent import Intent
from recsys.ranking.itemlist import ItemList, Signal
from recsys.ranking.loops.pool import at, plus
from recsys.snapshot.snapshot import Scores, Snapshot


def score(items: ItemList, intent: Intent, snapshot: Snapshot) -> ItemList:
    """Fill in every signal that has a share, and blend them.

    Co-visitation is the mean over anchors of the neighbour values, weighted by recency, relative to the strongest of
    the request; like the sessions' evidence it comes with the candidates.
    """
    signals: dict[Signal, Scores] = {}
    if "pop" in intent.shares:
        signals["pop"] = at(snapshot.popularity_score, items.numbers)
    if "cooc" in intent.shares:
        signals["cooc"] = items.signals["cooc"]
    if "session" in items.signals:
        signals["session"] = items.signals["session"]
    for name, taste in intent.tastes.items():
        signals[name] = affinity(taste, items.numbers, snapshot)
    base = _blend(signals, intent.shares, items.base)
    return ItemList(items.numbers, signals, base, base)


def _blend(signals: dict[Signal, Scores], shares: dict[Signal, float], total: Scores) -> Scores:
    """Add the parts one signal after the other, so that an item's sum does not depend on its place in the list."""
    for name, values in signals.items():
        total = plus(total, values, shares[name])
    return total
