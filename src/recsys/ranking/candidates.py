"""Which items are looked at: a union of what several sources offer, sifted and scored in one pass."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct

from recsys.ranking.eligibility import filters
from recsys.ranking.intent import Intent
from recsys.ranking.itemlist import SIGNALS, UNIT, Index, ItemList
from recsys.ranking.loops.gathering import gathered
from recsys.ranking.loops.pool import heads, tied
from recsys.ranking.sessions import Likely, resembling
from recsys.ranking.trace import SILENT, Trace
from recsys.rules.live import Live
from recsys.snapshot.snapshot import Scores, Snapshot
from recsys.snapshot.vocabulary import Numbers

_LEADING_TAGS: Final = 5
"""Tags of the anchors whose items are offered as similar."""
_DOUBT: Final = 0.02
"""Ties of a fiftieth of the namespace's strongest count half: the neighbours of a lone rare anchor stay weak.

With ties left on the namespace's scale, which twenty anchors share between them, popularity decided nearly everything:
NDCG@20 of the next basket .127 instead of .274 (docs/why/signals.md has all figures).
"""
_NO_NUMBERS: Final = np.empty(0, dtype=np.int32)
_NO_MARKS: Final = np.empty(0, dtype=np.int64)
_NO_TASTE: Final = np.empty(0, dtype=np.uint16), np.empty(0)
_NOTHING_LIKELY: Final = Likely(_NO_NUMBERS, np.empty(0))


class Source(StrEnum):
    """Where a candidate comes from; an item may come from several."""

    NEIGHBORS = "neighbors"
    INCLUDED = "included"
    TAGGED = "tagged"
    POPULAR = "popular"
    SIMILAR = "similar"
    PINNED = "pinned"
    PROMOTED = "promoted"
    SESSIONS = "sessions"
    TRENDING = "trending"
    NEW = "new"
    CATALOGUE = "catalogue"


BITS: Final = {source: 1 << place for place, source in enumerate(Source)}
"""The bit of each source where an item's sources are one number; the loops know those that nearly every pool has."""


class Offer(NamedTuple):
    """What one source brings, in the order of its own preference; an item may be named more than once."""

    source: Source
    numbers: Numbers


class Pool(Struct, frozen=True, eq=False):
    """The candidates of one attempt to fill a list, p of them, of which m may be shown."""

    items: ItemList
    """(m,) what may be shown, with its scores before and after rules."""
    standing: Index
    """(m,) all places of the items by score, the best first, ties by number."""
    bits: Index
    """(m,) who offered each."""
    numbers: Index
    """(p,) all candidates, ascending."""
    verdicts: Index
    """(p,) which filters keep each out, as bits; 0: it may be shown."""
    offered: dict[Source, int]
    """How many items each source named."""
    further: Offer | None = None
    """What this pool looks at beside the usual."""
    depth: int = 0
    """How often the pool was widened."""

    def bits_of(self, numbers: Index) -> list[int]:
        """Return who offered some of the items, as bits."""
        found: list[int] = self.bits[self.items.numbers.searchsorted(numbers)].tolist()
        return found

    def sources(self, number: int) -> tuple[Source, ...]:
        """Say who offered one of the items."""
        (bits,) = self.bits_of(np.array([number]))
        return tuple(source for source, bit in BITS.items() if bits & bit)


def reach(intent: Intent) -> int:
    """Return how deep the first pool looks into a long list of items."""
    return max(intent.params.candidates.popular, intent.params.candidates.factor * intent.k)


def gather(
    intent: Intent,
    snapshot: Snapshot,
    live: Live,
    trace: Trace = SILENT,
    further: Offer | None = None,
    depth: int = 0,
) -> Pool:
    """Unite what the sources offer, keep what may be shown, and score it; *further* is what a wider pool adds.

    What a filter removes here, no later stage brings back. The score before rules is a weighted mean of normalised
    signals, in 0..1. Co-visitation is the mean over anchors of the neighbour values, weighted by recency, measured by
    the strongest of this request before anything is filtered, so that no filter moves it: ``c / (strongest + 0.02)``.
    A boost is added to the score, a bury taken off it.
    """
    sizes, open_ = intent.params.candidates, intent.included is None
    popular = snapshot.by_popularity[: reach(intent)] if open_ and intent.required is None else _NO_NUMBERS
    likely = resembling(intent.anchors, snapshot.sessions) if "session" in intent.shares else _NOTHING_LIKELY
    rarer = list(_rarer(intent, snapshot, likely, further))
    numbers, verdicts, kept, bits, signals, base, score, standing, counts = gathered(
        intent.anchors.numbers,
        intent.anchors.weights,
        intent.weights,
        _NO_TASTE if intent.taste is None else intent.taste.products,
        sizes.neighbors,
        sizes.similar,
        _LEADING_TAGS,
        popular,
        live.pinned if open_ else _NO_NUMBERS,
        live.promoted if open_ else _NO_NUMBERS,
        np.concatenate([offer.numbers for offer in rarer]) if rarer else _NO_NUMBERS,
        np.concatenate([np.full(len(one.numbers), BITS[one.source]) for one in rarer]) if rarer else _NO_MARKS,
        likely.numbers,
        likely.values,
        _NO_MARKS if intent.included is None else intent.included,
        0 if open_ else 1,
        snapshot.neighbors.vectors,
        snapshot.item_tags.vectors,
        snapshot.tag_weight,
        snapshot.tag_items.lists,
        snapshot.catalogue,
        intent.filters,
        live.steering,
        _DOUBT,
        UNIT,
    )
    near, similar, *lost = counts.tolist()
    _report(trace, snapshot, numbers, verdicts, lost, dict(filters(intent, live)))
    offered = {Source.NEIGHBORS: near}
    if open_:
        usual = {Source.POPULAR: len(popular), Source.SIMILAR: similar}
        usual |= {Source.PINNED: int(np.count_nonzero(live.pinned >= 0)), Source.PROMOTED: len(live.promoted)}
        offered |= {source: count for source, count in usual.items() if count}
    offered |= {offer.source: len(offer.numbers) for offer in rarer}
    known = {name: values for name, values in zip(SIGNALS, signals, strict=True) if name in intent.shares}
    items = ItemList(kept, known, base, base if live.lift is None else score)
    return Pool(items, standing, bits, numbers, verdicts, offered, further, depth)


def met(intent: Intent, snapshot: Snapshot, numbers: Index) -> Scores:
    """Return what `gather` measures by the strongest of the request: the mean tie of each item to the anchors, (m,)."""
    if "cooc" not in intent.shares:
        return np.zeros(len(numbers))
    anchors, most = intent.anchors, intent.params.candidates.neighbors
    near, ties = tied(snapshot.neighbors.vectors, anchors.numbers, anchors.weights, most)
    return np.array([ties[near == number].sum() for number in numbers.tolist()])


def _report(
    trace: Trace, snapshot: Snapshot, numbers: Index, verdicts: Index, lost: list[int], bits: dict[str, int]
) -> None:
    trace.counted({code: lost[bit.bit_length() - 1] for code, bit in bits.items()})
    if trace.listening:
        for code, bit in bits.items():
            trace.removed("eligibility", code, snapshot.items, numbers[verdicts & -verdicts == bit])


def _rarer(intent: Intent, snapshot: Snapshot, likely: Likely, further: Offer | None) -> Iterator[Offer]:
    """Give what only some requests look at."""
    if intent.included is not None:
        yield Offer(Source.INCLUDED, intent.included.astype(np.int32))
    elif intent.required is not None:
        yield Offer(Source.TAGGED, heads(snapshot.tag_items.lists, intent.required, reach(intent)))
    if "session" in intent.shares:
        yield Offer(Source.SESSIONS, likely.numbers)
    if intent.params.exploration is not None:
        yield Offer(Source.TRENDING, snapshot.trending[: intent.params.exploration.trending])
        yield Offer(Source.NEW, snapshot.newest[: intent.params.exploration.new])
    if further is not None:
        yield further
