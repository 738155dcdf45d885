"""Which items are looked at: a union of what several sources offer, sifted and scored in one pass."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct

from recsys.ranking.compiled import Held, Wanted
from recsys.ranking.eligibility import filters
from recsys.ranking.intent import Intent
from recsys.ranking.itemlist import SIGNALS, UNIT, Index, ItemList
from recsys.ranking.loops.gathering import OFFERED, gathered
from recsys.ranking.loops.pool import heads, tied
from recsys.ranking.plan import reach
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
    offered: dict[str, int]
    """How many items each source named."""
    lost: dict[str, int]
    """How many of the candidates each filter of the request keeps out; who fails several counts for the first."""
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
    rarer = rare(intent, snapshot, further)
    numbers, verdicts, kept, bits, signals, base, score, standing, counts = gathered(
        wanted(intent, live, rarer), held(intent, live)
    )
    tally = counts.tolist()
    if trace.listening:
        for one in filters(intent, live):
            trace.removed("eligibility", one.code, snapshot.items, numbers[verdicts & -verdicts == one.bit])
    known = {name: values for name, values in zip(SIGNALS, signals, strict=True) if name in intent.shares}
    items = ItemList(kept, known, base, score if live.adjustments else base)
    offered, lost = offers(tally, intent, live, rarer), losses(tally, intent, live)
    return Pool(items, standing, bits, numbers, verdicts, offered, lost, further, depth)


class Rare(NamedTuple):
    """What only some requests look at."""

    offers: tuple[Offer, ...]
    numbers: Numbers
    """Those of all offers, one after the other,"""
    marks: Index
    """and the bit of each one's source."""
    likely: Likely
    """What sessions say."""


_NOTHING_RARE: Final = Rare((), _NO_NUMBERS, _NO_MARKS, _NOTHING_LIKELY)


def rare(intent: Intent, snapshot: Snapshot, further: Offer | None = None) -> Rare:
    """Find what only some requests look at, *further* with it."""
    if not intent.curious and further is None:
        return _NOTHING_RARE
    likely = resembling(intent.anchors, snapshot.sessions) if "session" in intent.shares else _NOTHING_LIKELY
    found = tuple(_rarer(intent, snapshot, likely, further))
    if not found:
        return _NOTHING_RARE
    marks = [np.full(len(offer.numbers), BITS[offer.source]) for offer in found]
    return Rare(found, np.concatenate([offer.numbers for offer in found]), np.concatenate(marks), likely)


def wanted(intent: Intent, live: Live, rarer: Rare) -> Wanted:
    """Return what the loops must know of a request."""
    anchors, sizes, open_ = intent.anchors, intent.params.candidates, intent.included is None
    return (
        anchors.numbers,
        anchors.weights,
        intent.weights,
        _NO_TASTE if intent.taste is None else intent.taste.products,
        sizes.neighbors,
        sizes.similar,
        _LEADING_TAGS,
        _popular(intent),
        live.pinning[0] if open_ else _NO_NUMBERS,
        live.promoted if open_ else _NO_NUMBERS,
        rarer.numbers,
        rarer.marks,
        rarer.likely.numbers,
        rarer.likely.values,
        _NO_MARKS if intent.included is None else intent.included,
        0 if open_ else 1,
    )


def held(intent: Intent, live: Live) -> Held:
    """Return what they read, and what sifts it."""
    return (*intent.plan.sources, intent.filters, live.steering, _DOUBT, UNIT)


def offers(tally: list[int], intent: Intent, live: Live, rarer: Rare) -> dict[str, int]:
    """Say how many items each source named; *tally* is what the loops counted."""
    near, similar, pinned = tally[:OFFERED]
    offered = {"neighbors": near}
    if intent.included is None:
        if popular := len(_popular(intent)):
            offered["popular"] = popular
        if similar:
            offered["similar"] = similar
        if pinned:
            offered["pinned"] = pinned
        if promoted := len(live.promoted):
            offered["promoted"] = promoted
    for offer in rarer.offers:
        offered[offer.source.value] = len(offer.numbers)
    return offered


def losses(tally: list[int], intent: Intent, live: Live) -> dict[str, int]:
    """Say how many candidates each filter of this request kept out; *tally* as for `offers`."""
    return {one.word: tally[OFFERED - 1 + one.bit.bit_length()] for one in filters(intent, live)}


def _popular(intent: Intent) -> Numbers:
    return intent.plan.popular if intent.included is None and intent.required is None else _NO_NUMBERS


def met(intent: Intent, snapshot: Snapshot, numbers: Index) -> Scores:
    """Return what `gather` measures by the strongest of the request: the mean tie of each item to the anchors, (m,)."""
    if "cooc" not in intent.shares:
        return np.zeros(len(numbers))
    anchors, most = intent.anchors, intent.params.candidates.neighbors
    near, ties = tied(snapshot.neighbors.vectors, anchors.numbers, anchors.weights, most)
    return np.array([ties[near == number].sum() for number in numbers.tolist()])


def _rarer(intent: Intent, snapshot: Snapshot, likely: Likely, further: Offer | None) -> Iterator[Offer]:
    """Give what only some requests look at."""
    if intent.included is not None:
        yield Offer(Source.INCLUDED, intent.included.astype(np.int32))
    elif intent.required is not None:
        yield Offer(Source.TAGGED, heads(snapshot.tag_items.lists, intent.required, reach(intent.params, intent.k)))
    if "session" in intent.shares:
        yield Offer(Source.SESSIONS, likely.numbers)
    if intent.params.exploration is not None:
        yield Offer(Source.TRENDING, snapshot.trending[: intent.params.exploration.trending])
        yield Offer(Source.NEW, snapshot.newest[: intent.params.exploration.new])
    if further is not None:
        yield further
