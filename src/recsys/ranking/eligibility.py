"""Which candidates must not be shown: unavailable, excluded, known to the visitor, of the wrong tags, blocked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.ranking.candidates import Pool
from recsys.ranking.intent import Intent
from recsys.ranking.itemlist import Index, ItemList
from recsys.ranking.spread import spread
from recsys.ranking.trace import SILENT, Trace
from recsys.rules.live import Live
from recsys.snapshot.snapshot import Snapshot

Mask = npt.NDArray[np.bool_]


class Eligible(NamedTuple):
    """What is left of a pool."""

    items: ItemList
    removed: dict[str, int]
    """Warning code -> how many items it stands for; an item that several filters would remove counts for the first."""


def eligible(pool: Pool, intent: Intent, snapshot: Snapshot, live: Live, trace: Trace = SILENT) -> Eligible:
    """Apply every filter to the pool; what one of them removes, no later stage brings back."""
    items = pool.items
    keep = np.ones(len(items), dtype=np.bool_)
    left, removed = len(items), dict[str, int]()
    for code, stays in _filters(items.numbers, intent, snapshot, live):
        if trace.listening:
            gone = items.numbers[keep & ~stays].tolist()
            trace.removed("eligibility", code, [snapshot.items.ids[number] for number in gone])
        keep &= stays
        before, left = left, int(np.count_nonzero(keep))
        if left < before:
            removed[code] = removed.get(code, 0) + before - left
    return Eligible(items if left == len(items) else items.take(np.flatnonzero(keep)), removed)


def _filters(numbers: Index, intent: Intent, snapshot: Snapshot, live: Live) -> Iterator[tuple[str, Mask]]:
    yield "ITEMS_UNAVAILABLE", snapshot.available.take(numbers)
    if len(intent.excluded):
        yield "EXCLUDED_BY_REQUEST", _outside(numbers, intent.excluded)
    if len(intent.settled):
        yield "HISTORY_FILTERED", _outside(numbers, intent.settled)
    if intent.required is not None:
        yield "CONSTRAINTS_FILTERED", _carries(numbers, intent.required, snapshot)
    if len(intent.forbidden):
        yield "CONSTRAINTS_FILTERED", ~_carries(numbers, intent.forbidden, snapshot)
    if live.blocked is not None:
        yield "RULES_BLOCKED", ~live.blocked.take(numbers)


def _outside(numbers: Index, others: Index) -> Mask:
    """Tell which of the ascending *numbers* are not among the ascending *others*."""
    outside = np.ones(len(numbers), dtype=np.bool_)
    if len(numbers):
        places = np.minimum(numbers.searchsorted(others), len(numbers) - 1)
        outside[places[numbers.take(places) == others]] = False
    return outside


def _carries(numbers: Index, tags: Index, snapshot: Snapshot) -> Mask:
    """Tell which items carry at least one of the tags."""
    tagged = spread(snapshot.item_tags, numbers)
    wanted = np.zeros(len(snapshot.tags))
    wanted[tags] = 1.0
    return tagged.sums(wanted.take(snapshot.item_tags.indices.take(tagged.entries))) > 0
