"""What to look at when a list came out short: the most popular of all that could still be shown."""

from __future__ import annotations

from typing import Final

import numpy as np

from recsys.ranking.candidates import Offer, Pool, Source, gather
from recsys.ranking.eligibility import survey
from recsys.ranking.intent import Intent
from recsys.ranking.itemlist import Index
from recsys.ranking.loops.pool import heads
from recsys.ranking.loops.rating import carries
from recsys.ranking.pick import Picked
from recsys.ranking.plan import reach
from recsys.ranking.trace import SILENT, Trace
from recsys.rules.live import Live
from recsys.snapshot.snapshot import Snapshot
from recsys.snapshot.vocabulary import Numbers

_GROWTH: Final = 8
"""Each pool takes in so many times more than the one before: few attempts, and little is looked at in vain."""


def widen(
    pool: Pool, picked: Picked, intent: Intent, snapshot: Snapshot, live: Live, trace: Trace = SILENT
) -> Pool | None:
    """Return a larger pool where *picked* is short and something else could be shown; None where the list is final.

    One look at everything that the request could reach decides, instead of ranking ever more of it: 2 ms for 100,000
    items. Items whose tags the caps hold closed are not worth looking at.
    """
    if len(picked.items) == intent.k:
        return None
    open_, _ = survey(everything(intent, snapshot), intent, snapshot, live)
    open_ = np.setdiff1d(open_, pool.numbers, assume_unique=True)
    if len(picked.full):
        open_ = open_[~carries(snapshot.item_tags.lists, open_, picked.full)]
    if len(open_) == 0:
        return None
    best = _most_popular(open_, reach(intent.params, intent.k) * _GROWTH**pool.depth, snapshot)
    source = Source.CATALOGUE if intent.required is None else Source.TAGGED
    before = () if pool.further is None else (pool.further.numbers,)
    return gather(intent, snapshot, live, trace, Offer(source, np.concatenate([*before, best])), pool.depth + 1)


def everything(intent: Intent, snapshot: Snapshot) -> Index:
    """Return all that the request could reach, ascending: allow-list, items of required tags, or everything."""
    if intent.included is not None:
        return intent.included
    if intent.required is not None:
        return np.unique(heads(snapshot.tag_items.lists, intent.required, len(snapshot.items))).astype(np.intp)
    return np.arange(len(snapshot.items), dtype=np.intp)


def _most_popular(numbers: Index, most: int, snapshot: Snapshot) -> Numbers:
    wanted = np.zeros(len(snapshot.items), dtype=np.bool_)
    wanted[numbers] = True
    ranked = snapshot.by_popularity
    return ranked[wanted.take(ranked)][:most]
