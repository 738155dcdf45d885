"""Which items must not be shown: unavailable, excluded, known to the visitor, of the wrong tags, blocked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from recsys.ranking.intent import Intent
from recsys.ranking.itemlist import Index, ItemList
from recsys.ranking.loops.pool import judged, sifted
from recsys.ranking.loops.tags import carries
from recsys.ranking.trace import SILENT, Trace
from recsys.rules.live import Live
from recsys.snapshot.snapshot import Snapshot

_NOTHING: Final = np.empty(0, dtype=np.bool_)
_CONSTRAINED: Final = 8


def eligible(items: ItemList, intent: Intent, snapshot: Snapshot, live: Live, trace: Trace = SILENT) -> ItemList:
    """Keep what may be shown; what a filter removes here, no later stage brings back."""
    verdicts = judge(items.numbers, intent, snapshot, live)
    places, lost = sifted(verdicts)
    counts = lost.tolist()
    trace.counted({code: counts[bit.bit_length() - 1] for code, bit in _filters(intent, live)})
    if trace.listening:
        first = verdicts & -verdicts
        for code, bit in _filters(intent, live):
            trace.removed("eligibility", code, snapshot.items, items.numbers[first == bit])
    return items if len(places) == len(items) else items.take(places)


def survey(numbers: Index, intent: Intent, snapshot: Snapshot, live: Live) -> tuple[Index, dict[str, int]]:
    """Return which of the ascending *numbers* may be shown, and by warning code how many may not.

    An item that several filters remove counts for the first of them.
    """
    verdicts = judge(numbers, intent, snapshot, live)
    first = verdicts & -verdicts
    removed = {code: int(np.count_nonzero(first == bit)) for code, bit in _filters(intent, live)}
    return numbers[verdicts == 0], {code: count for code, count in removed.items() if count}


def hindrance(number: int, intent: Intent, snapshot: Snapshot, live: Live) -> str | None:
    """Return the warning code of the first filter that keeps one item out; None if it may be shown."""
    verdict = judge(np.array([number], dtype=np.intp), intent, snapshot, live).item()
    return next((code for code, bit in _filters(intent, live) if verdict & bit), None)


def tolls(numbers: Index, intent: Intent, snapshot: Snapshot, live: Live) -> dict[str, int]:
    """Count by warning code how many of the ascending *numbers* each filter keeps out, whatever the others do."""
    verdicts = judge(numbers, intent, snapshot, live)
    return {code: int(np.count_nonzero(verdicts & bit)) for code, bit in _filters(intent, live)}


def judge(numbers: Index, intent: Intent, snapshot: Snapshot, live: Live) -> Index:
    """Set a bit for each filter that removes an item of the ascending *numbers*, shape (m,); 0: it may be shown."""
    blocked = _NOTHING if live.blocked is None else live.blocked
    verdicts = judged(numbers, snapshot.available, intent.excluded, intent.settled, blocked)
    if intent.required is not None:
        verdicts[~carries(snapshot.item_tags.lists, numbers, intent.required)] |= _CONSTRAINED
    if len(intent.forbidden):
        verdicts[carries(snapshot.item_tags.lists, numbers, intent.forbidden)] |= _CONSTRAINED
    return verdicts


def _filters(intent: Intent, live: Live) -> Iterator[tuple[str, int]]:
    """Give the warning code and the bit of each filter that this request has."""
    yield "ITEMS_UNAVAILABLE", 1
    if len(intent.excluded):
        yield "EXCLUDED_BY_REQUEST", 2
    if len(intent.settled):
        yield "HISTORY_FILTERED", 4
    if intent.required is not None or len(intent.forbidden):
        yield "CONSTRAINTS_FILTERED", _CONSTRAINED
    if live.blocked is not None:
        yield "RULES_BLOCKED", 16
