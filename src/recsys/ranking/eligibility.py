"""Which items must not be shown: unavailable, excluded, known to the visitor, of the wrong tags, blocked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from recsys.ranking.intent import Intent
from recsys.ranking.itemlist import Index, ItemList, Mask
from recsys.ranking.loops.pool import among
from recsys.ranking.loops.tags import carries
from recsys.ranking.trace import SILENT, Trace
from recsys.rules.live import Live
from recsys.snapshot.snapshot import Snapshot


def eligible(items: ItemList, intent: Intent, snapshot: Snapshot, live: Live, trace: Trace = SILENT) -> ItemList:
    """Keep what may be shown; what a filter removes here, no later stage brings back."""
    keep = np.ones(len(items), dtype=np.bool_)
    for code, stays in _filters(items.numbers, intent, snapshot, live):
        if trace.listening:
            trace.removed("eligibility", code, snapshot.items, items.numbers[keep & ~stays])
        keep &= stays
    places = keep.nonzero()[0]
    return items if len(places) == len(items) else items.take(places)


def survey(numbers: Index, intent: Intent, snapshot: Snapshot, live: Live) -> tuple[Index, dict[str, int]]:
    """Return which of the ascending *numbers* may be shown, and by warning code how many may not.

    An item that several filters remove counts for the first of them.
    """
    removed: dict[str, int] = {}
    keep = np.ones(len(numbers), dtype=np.bool_)
    for code, stays in _filters(numbers, intent, snapshot, live):
        gone = int(np.count_nonzero(keep & ~stays))
        if gone:
            removed[code] = removed.get(code, 0) + gone
        keep &= stays
    return numbers[keep], removed


def tolls(numbers: Index, intent: Intent, snapshot: Snapshot, live: Live) -> dict[str, int]:
    """Count by warning code how many of the ascending *numbers* each filter keeps out, whatever the others do."""
    kept: dict[str, Mask] = {}
    for code, stays in _filters(numbers, intent, snapshot, live):
        kept[code] = kept[code] & stays if code in kept else stays
    return {code: int(np.count_nonzero(~stays)) for code, stays in kept.items()}


def _filters(numbers: Index, intent: Intent, snapshot: Snapshot, live: Live) -> Iterator[tuple[str, Mask]]:
    """Give each filter's warning code and which of the ascending *numbers* pass it."""
    yield "ITEMS_UNAVAILABLE", snapshot.available.take(numbers)
    if len(intent.excluded):
        yield "EXCLUDED_BY_REQUEST", ~among(numbers, intent.excluded)
    if len(intent.settled):
        yield "HISTORY_FILTERED", ~among(numbers, intent.settled)
    if intent.required is not None:
        yield "CONSTRAINTS_FILTERED", carries(snapshot.item_tags.lists, numbers, intent.required)
    if len(intent.forbidden):
        yield "CONSTRAINTS_FILTERED", ~carries(snapshot.item_tags.lists, numbers, intent.forbidden)
    if live.blocked is not None:
        yield "RULES_BLOCKED", ~live.blocked.take(numbers)
