"""Which items must not be shown: unavailable, excluded, known to the visitor, of the wrong tags, blocked."""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

import numpy as np

from recsys.ranking.intent import Intent
from recsys.ranking.itemlist import Index
from recsys.ranking.loops import rating
from recsys.rules.live import Live
from recsys.snapshot.snapshot import Snapshot


class Filter(NamedTuple):
    """One reason to keep an item out."""

    code: str
    """Of the warning."""
    word: str
    """What a count of removed items is called."""
    bit: int
    """Of a verdict."""


_FILTERS: Final = (
    Filter("ITEMS_UNAVAILABLE", "unavailable", rating.UNAVAILABLE),
    Filter("EXCLUDED_BY_REQUEST", "excluded", rating.EXCLUDED),
    Filter("HISTORY_FILTERED", "known", rating.SETTLED),
    Filter("CONSTRAINTS_FILTERED", "constrained", rating.CONSTRAINED),
    Filter("RULES_BLOCKED", "blocked", rating.BLOCKED),
)


def survey(numbers: Index, intent: Intent, snapshot: Snapshot, live: Live) -> tuple[Index, dict[str, int]]:
    """Return which of the ascending *numbers* may be shown, and by warning code how many may not.

    An item that several filters remove counts for the first of them.
    """
    verdicts = judge(numbers, intent, snapshot, live)
    first = verdicts & -verdicts
    removed = {one.code: int(np.count_nonzero(first == one.bit)) for one in filters(intent, live)}
    return numbers[verdicts == 0], {code: count for code, count in removed.items() if count}


def tolls(numbers: Index, intent: Intent, snapshot: Snapshot, live: Live) -> dict[str, int]:
    """Count by warning code how many of the ascending *numbers* each filter keeps out, whatever the others do."""
    verdicts = judge(numbers, intent, snapshot, live)
    return {one.code: int(np.count_nonzero(verdicts & one.bit)) for one in filters(intent, live)}


def judge(numbers: Index, intent: Intent, snapshot: Snapshot, live: Live) -> Index:
    """Set a bit for each filter that removes an item of the ascending *numbers*, shape (m,); 0: it may be shown."""
    unsigned = numbers.astype(np.uint32)
    verdicts = rating.judged(unsigned, rating.felt(unsigned, live.steering), snapshot.catalogue, intent.filters)
    for bit, named in ((rating.EXCLUDED, intent.filters[0]), (rating.SETTLED, intent.filters[1])):
        verdicts[np.isin(numbers, named)] |= bit
    return verdicts


def filters(intent: Intent, live: Live) -> tuple[Filter, ...]:
    """Return the filters that this request has."""
    excluded, settled, required, forbidden = intent.filters
    constrained = len(required) > 0 or len(forbidden) > 0
    return _present(True, len(excluded) > 0, len(settled) > 0, constrained, live.blocked is not None)


@cache
def _present(*present: bool) -> tuple[Filter, ...]:
    return tuple(one for one, is_there in zip(_FILTERS, present, strict=True) if is_there)
