"""Where a list starts from: the items that the request names, else the visitor's recent ones."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from recsys.ranking.itemlist import Index
from recsys.ranking.loops.ids import distinct, joined
from recsys.ranking.plan import Plan
from recsys.ranking.query import Event, Query, Visitor
from recsys.snapshot.snapshot import Scores, Snapshot


class Anchors(NamedTuple):
    """a known items and how much each counts."""

    numbers: Index
    """(a,) each once."""
    weights: Scores
    """(a,) their sum is 1."""
    unknown: int
    """How many ids the request named that the snapshot does not know."""
    named: bool = False
    """Whether the request named these."""


def anchors(query: Query, visitor: Visitor, snapshot: Snapshot, plan: Plan) -> Anchors:
    """Weigh the j-th known anchor ``decay ** j``, those of the history by event type too.

    The history serves where the request names none that is known.
    """
    unknown = 0
    if query.anchors:
        numbers, unknown = distinct(plan.words, joined(query.anchors))
        if len(numbers):
            return Anchors(numbers, _decays(plan.params.anchors.decay, len(numbers)), unknown, named=True)
    strengths = _recent(visitor.history, snapshot, plan.params.anchors.max_history)
    weights = np.array(list(strengths.values())) * _decays(plan.params.anchors.decay, len(strengths))
    total = weights.sum() if len(weights) else 1.0
    return Anchors(np.array(list(strengths), dtype=np.intp), weights / total, unknown)


@lru_cache(maxsize=1024)
def _decays(decay: float, count: int) -> Scores:
    """Return what each place weighs, their sum 1; shared by all requests."""
    weights = np.array([decay**place for place in range(count)], dtype=np.float64)
    weights /= weights.sum() if count else 1.0
    weights.flags.writeable = False
    return weights


def _recent(history: tuple[Event, ...], snapshot: Snapshot, most: int) -> dict[int, float]:
    """Count each item once, in the order of newest events, as much as the strongest of its event types."""
    strengths: dict[int, float] = {}
    weigh = snapshot.params.event_weights.get
    for event in history:
        number, strength = snapshot.items.number(event.item_id), weigh(event.event_type, 1.0)
        if number is None or strength <= 0:
            continue
        if number in strengths or len(strengths) < most:
            strengths[number] = max(strength, strengths.get(number, 0.0))
    return strengths
