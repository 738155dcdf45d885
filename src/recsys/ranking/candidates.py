"""Which items are looked at: a union of what several sources offer."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct

from recsys.ranking.intent import Intent
from recsys.ranking.itemlist import Index, ItemList
from recsys.ranking.loops.pool import heads, tied, united
from recsys.ranking.sessions import Likely, resembling
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
    TRENDING = "trending"
    NEW = "new"


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
    if intent.params.exploration is not None:
        offers.append(Offer(Source.TRENDING, snapshot.trending[: intent.params.exploration.trending]))
        offers.append(Offer(Source.NEW, snapshot.newest[: intent.params.exploration.new]))
    if further is not None:
        offers.append(further)
    items = unite([offer.numbers for offer in offers], ties)
    if likely is not None:
        items = _remembered(items, likely)
    if intent.included is not None:
        items = items.take(np.isin(items.numbers, intent.included, assume_unique=True).nonzero()[0])
    return Pool(items, offers, depth)


def met(intent: Intent, snapshot: Snapshot, numbers: Index) -> Scores:
    """Return what `unite` measures by the strongest of the request: the mean tie of each item to the anchors, (m,)."""
    near, ties = _neighbors(intent, snapshot)
    return np.array([ties[near.numbers == number].sum() for number in numbers.tolist()])


def unite(offers: list[Numbers], ties: Scores) -> ItemList:
    """Merge offers into one ascending list; *ties*, one for each entry of the first offer, sum to its co-visitation.

    It is measured by the strongest of this request, before anything is filtered, so that no filter moves it:
    ``c / (strongest + 0.02)``, in 0..1; an item's ties add up exactly, in whatever order they came.
    """
    numbers, cooc = united(np.concatenate(offers), ties, _DOUBT)
    nothing = np.zeros(len(numbers))
    return ItemList(numbers, {"cooc": cooc}, nothing, nothing)


def _remembered(items: ItemList, likely: Likely) -> ItemList:
    """Enter what sessions say of some of the ascending *items*."""
    values = np.zeros(len(items))
    values[items.numbers.searchsorted(likely.numbers)] = likely.values
    return ItemList(items.numbers, {**items.signals, "session": values}, items.base, items.score)


def _neighbors(intent: Intent, snapshot: Snapshot) -> tuple[Offer, Scores]:
    """Return the anchors' neighbours and how strongly each is tied to its anchor, times the anchor's weight."""
    if "cooc" not in intent.shares or len(intent.anchors.numbers) == 0:
        return Offer(Source.NEIGHBORS, np.empty(0, dtype=np.int32)), np.empty(0)
    anchors, most = intent.anchors, intent.params.candidates.neighbors
    numbers, ties = tied(snapshot.neighbors.vectors, anchors.numbers, anchors.weights, most)
    return Offer(Source.NEIGHBORS, numbers), ties


def _offers(intent: Intent, snapshot: Snapshot, live: Live) -> Iterator[Offer]:
    if intent.included is not None:
        yield Offer(Source.INCLUDED, intent.included.astype(np.int32))
        return
    if intent.required is not None:
        yield Offer(Source.TAGGED, heads(snapshot.tag_items.lists, intent.required, reach(intent)))
    else:
        yield Offer(Source.POPULAR, snapshot.by_popularity[: reach(intent)])
    if "emb" in intent.tastes and intent.params.candidates.similar:
        leading = intent.tastes["emb"].leading(_LEADING_TAGS)
        each = -(-intent.params.candidates.similar // len(leading))
        yield Offer(Source.SIMILAR, heads(snapshot.tag_items.lists, leading, each))
    if live.pins:
        yield Offer(Source.PINNED, live.pinned[live.pinned >= 0])
    if len(live.promoted):
        yield Offer(Source.PROMOTED, live.promoted)
