"""Which items are looked at: a union of what several sources offer."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct

from recsys.ranking.intent import Intent
from recsys.ranking.itemlist import Index, ItemList
from recsys.ranking.sessions import Likely, resembling
from recsys.ranking.spread import spread
from recsys.rules.live import Live
from recsys.snapshot.snapshot import Scores, Snapshot
from recsys.snapshot.vocabulary import Numbers

_LEADING_TAGS: Final = 5
"""Tags of the anchors whose items are offered as similar."""
_VALUE_BITS: Final = 32
"""Room for an entry's co-visitation, in units of 2^-31, beside its item number in one integer."""
_UNIT: Final = 2.0**31
_DOUBT: Final = 0.02
"""Ties of a fiftieth of the namespace's strongest count half: the neighbours of a lone rare anchor stay weak.

With ties left on the namespace's scale, which twenty anchors share between them, popularity decided nearly everything:
NDCG@20 of the next basket .127 instead of .274 (docs/why/signals.md has all figures).
"""


class Source(StrEnum):
    """Where a candidate comes from; an item may come from several."""

    NEIGHBORS = "neighbors"
    SESSIONS = "sessions"
    POPULAR = "popular"
    SIMILAR = "similar"
    PINNED = "pinned"
    PROMOTED = "promoted"
    INCLUDED = "included"
    TAGGED = "tagged"
    CATALOGUE = "catalogue"


class Offer(NamedTuple):
    """What one source brings, in the order of its own preference; an item may be named more than once."""

    source: Source
    numbers: Numbers


class Pool(Struct, frozen=True, eq=False):
    """The candidates of one attempt to fill a list."""

    items: ItemList
    """With their co-visitation, which comes with where they were found; not scored yet."""
    offers: list[Offer]
    depth: int = 0
    """How often the pool was widened."""

    def sources(self, number: int) -> tuple[Source, ...]:
        """Say who offered an item."""
        return tuple(offer.source for offer in self.offers if (offer.numbers == number).any())


def reach(intent: Intent) -> int:
    """Return how deep the first pool looks into a long list of items."""
    return max(intent.params.candidates.popular, intent.params.candidates.factor * intent.k)


def gather(intent: Intent, snapshot: Snapshot, live: Live, further: Offer | None = None, depth: int = 0) -> Pool:
    """Unite what the sources offer; *further* is what a wider pool looks at beside the usual."""
    near, ties = _neighbors(intent, snapshot)
    likely = resembling(intent.anchors, snapshot.sessions) if "session" in intent.shares else None
    offers = [near, *_offers(intent, snapshot, live)]
    if likely is not None:
        offers.append(Offer(Source.SESSIONS, likely.numbers))
    if further is not None:
        offers.append(further)
    items = _relative(unite([offer.numbers for offer in offers], ties))
    if likely is not None:
        items = _remembered(items, likely)
    if intent.included is not None:
        items = items.take(np.isin(items.numbers, intent.included, assume_unique=True).nonzero()[0])
    return Pool(items, offers, depth)


def unite(offers: list[Numbers], ties: Scores) -> ItemList:
    """Merge offers into one ascending list; *ties*, one for each entry of the first offer, sum to its co-visitation.

    Number and tie of an entry share one integer, so that a plain sort brings equal items together and their ties add
    up exactly, in whatever order they came: 2.7 us to sort 700 entries, where `np.unique` with its inverse takes 14.
    """
    entries = np.concatenate(offers, dtype=np.int64)
    if len(entries) == 0:
        return _unscored(np.empty(0, dtype=np.intp), np.empty(0))
    entries <<= _VALUE_BITS
    entries[: len(ties)] |= (ties * _UNIT).astype(np.int64)
    entries.sort()
    numbers = entries >> _VALUE_BITS
    first = np.empty(len(numbers), dtype=np.bool_)
    first[0] = True
    np.not_equal(numbers[1:], numbers[:-1], out=first[1:])
    starts = first.nonzero()[0]
    entries &= (1 << _VALUE_BITS) - 1
    return _unscored(numbers.take(starts), np.add.reduceat(entries, starts) / _UNIT)


def _remembered(items: ItemList, likely: Likely) -> ItemList:
    """Enter what sessions say of some of the ascending *items*."""
    values = np.zeros(len(items))
    values[items.numbers.searchsorted(likely.numbers)] = likely.values
    return ItemList(items.numbers, {**items.signals, "session": values}, items.base, items.score)


def _relative(items: ItemList) -> ItemList:
    """Measure co-visitation by the strongest of this request, before anything is filtered, so that no filter moves it.

    ``c / (strongest + 0.02)``, in 0..1.
    """
    ties = items.signals["cooc"]
    return _unscored(items.numbers, ties / (ties.max(initial=0.0) + _DOUBT))


def _unscored(numbers: Index, cooc: Scores) -> ItemList:
    nothing = np.zeros(len(numbers))
    return ItemList(numbers, {"cooc": cooc}, nothing, nothing)


def _neighbors(intent: Intent, snapshot: Snapshot) -> tuple[Offer, Scores]:
    """Return the anchors' neighbours and how strongly each is tied to its anchor, times the anchor's weight."""
    if "cooc" not in intent.shares or len(intent.anchors.numbers) == 0:
        return Offer(Source.NEIGHBORS, np.empty(0, dtype=np.int32)), np.empty(0)
    rows, most = snapshot.neighbors, intent.params.candidates.neighbors
    near = spread(rows, intent.anchors.numbers, most if most < snapshot.params.neighbors else None)
    ties = near.weights(rows) * intent.anchors.weights.repeat(near.lengths)
    return Offer(Source.NEIGHBORS, rows.indices.take(near.entries)), ties


def _offers(intent: Intent, snapshot: Snapshot, live: Live) -> Iterator[Offer]:
    if intent.included is not None:
        yield Offer(Source.INCLUDED, intent.included.astype(np.int32))
        return
    if intent.required is not None:
        yield Offer(Source.TAGGED, _heads(intent.required, snapshot, reach(intent)))
    else:
        yield Offer(Source.POPULAR, snapshot.by_popularity[: reach(intent)])
    if "emb" in intent.tastes and intent.params.candidates.similar:
        leading = intent.tastes["emb"].leading(_LEADING_TAGS)
        yield Offer(Source.SIMILAR, _heads(leading, snapshot, -(-intent.params.candidates.similar // len(leading))))
    if live.pins:
        yield Offer(Source.PINNED, live.pinned[live.pinned >= 0])
    if len(live.promoted):
        yield Offer(Source.PROMOTED, live.promoted)


def _heads(tags: Index, snapshot: Snapshot, most: int) -> Numbers:
    """Return the most popular items of each tag, one tag after the other."""
    return snapshot.tag_items.indices.take(spread(snapshot.tag_items, tags, most).entries)
