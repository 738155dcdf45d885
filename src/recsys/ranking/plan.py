"""What a config and a snapshot decide together for every list of one length: worked out once, not with each request."""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

from msgspec import Struct

from recsys.ranking.caps import closed, limits
from recsys.ranking.compiled import Bounds, Cards, Lists, Vectors
from recsys.ranking.diversity import variety
from recsys.ranking.itemlist import Index, Signal
from recsys.ranking.shares import blend, chosen
from recsys.snapshot.snapshot import Scores, Snapshot
from recsys.snapshot.vocabulary import Numbers
from recsys.snapshot.words import Spelling
from recsys.tenancy.config import RequestParams

_KEPT: Final = 64
"""Plans of one snapshot."""


class Plan(Struct, frozen=True, eq=False):
    """How a list is made where neither the request nor its visitor's history says otherwise."""

    params: RequestParams
    shares: dict[Signal, float]
    """What each signal contributes at most; their sum is 1."""
    weights: Scores
    """The same in the order of SIGNALS, 0 for those without a share."""
    closed: Index
    """Tags that no item of the list may carry, ascending."""
    limits: Bounds
    """How many items of the list may carry a tag."""
    balance: float
    """Of relevance against likeness, below 0 for relevance alone,"""
    among: int
    """and among how many of the best."""
    popular: Numbers
    """The most popular items, as deep as the first pool looks."""
    sources: tuple[Vectors, Vectors, Scores, Lists, Cards]
    """What of the snapshot the loops read: neighbours, tags of items, weights of tags, items of tags, cards."""
    words: Spelling
    """The ids of its items."""


_known: WeakKeyDictionary[Snapshot, dict[tuple[int, int], Plan]] = WeakKeyDictionary()
"""By snapshot that is alive; then by length, and by the identity of the params, which their plan keeps alive."""


def plan(snapshot: Snapshot, params: RequestParams, k: int) -> Plan:
    """Return the plan for lists of *k*: the same object while config and snapshot are the same."""
    plans = _known.get(snapshot)
    if plans is None or len(plans) > _KEPT:
        plans = _known[snapshot] = {}
    known = plans.get((k, id(params)))
    if known is None:
        known = plans[k, id(params)] = _made(snapshot, params, k)
    return known


def reach(params: RequestParams, k: int) -> int:
    """Return how deep the first pool looks into a long list of items."""
    return max(params.candidates.popular, params.candidates.factor * k)


def _made(snapshot: Snapshot, params: RequestParams, k: int) -> Plan:
    shares, weights = blend(chosen(params), 0.0, remembered=bool(snapshot.sessions))
    balance, among = variety(k, params)
    return Plan(
        params=params,
        shares=shares,
        weights=weights,
        closed=snapshot.tags.ascending(closed({}, params.caps, snapshot)),
        limits=limits({}, params.caps, snapshot),
        balance=balance,
        among=among,
        popular=snapshot.by_popularity[: reach(params, k)],
        sources=(
            snapshot.neighbors.vectors,
            snapshot.item_tags.vectors,
            snapshot.tag_weight,
            snapshot.tag_items.lists,
            snapshot.catalogue,
        ),
        words=snapshot.items.spelling,
    )
