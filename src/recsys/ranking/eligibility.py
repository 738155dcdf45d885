"""Which items must not be shown: unavailable, excluded, known to the visitor, of the wrong tags, blocked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from recsys.ranking.intent import Intent
from recsys.ranking.itemlist import Index
from recsys.ranking.loops import rating
from recsys.rules.live import Live
from recsys.snapshot.snapshot import Snapshot


def survey(numbers: Index, intent: Intent, snapshot: Snapshot, live: Live) -> tuple[Index, dict[str, int]]:
    """Return which of the ascending *numbers* may be shown, and by warning code how many may not.

    An item that several filters remove counts for the first of them.
    """
    verdicts = judge(numbers, intent, snapshot, live)
    first = verdicts & -verdicts
    removed = {code: int(np.count_nonzero(first == bit)) for code, bit in filters(intent, live)}
    return numbers[verdicts == 0], {code: count for code, count in removed.items() if count}


def tolls(numbers: Index, intent: Intent, snapshot: Snapshot, live: Live) -> dict[str, int]:
    """Count by warning code how many of the ascending *numbers* each filter keeps out, whatever the others do."""
    verdicts = judge(numbers, intent, snapshot, live)
    return {code: int(np.count_nonzero(verdicts & bit)) for code, bit in filters(intent, live)}


def judge(numbers: Index, intent: Intent, snapshot: Snapshot, live: Live) -> Index:
    """Set a bit for each filter that removes an item of the ascending *numbers*, shape (m,); 0: it may be shown."""
    return rating.judged(numbers, snapshot.catalogue, intent.filters, live.steering)


def filters(intent: Intent, live: Live) -> Iterator[tuple[str, int]]:
    """Give the warning code and the bit of each filter that this request has."""
    excluded, settled, required, forbidden = intent.filters
    yield "ITEMS_UNAVAILABLE", rating.UNAVAILABLE
    if len(excluded):
        yield "EXCLUDED_BY_REQUEST", rating.EXCLUDED
    if len(settled):
        yield "HISTORY_FILTERED", rating.SETTLED
    if len(required) or len(forbidden):
        yield "CONSTRAINTS_FILTERED", rating.CONSTRAINED
    if live.blocked is not None:
        yield "RULES_BLOCKED", rating.BLOCKED
