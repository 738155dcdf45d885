"""The query in the snapshot's numbers: every id is looked up here, once, and every default decided."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import numpy as np
from msgspec import Struct

from recsys.ranking.anchors import Anchors, anchors
from recsys.ranking.caps import closed, limits
from recsys.ranking.compiled import Bounds, Filters
from recsys.ranking.content import Taste
from recsys.ranking.itemlist import Index, Signal
from recsys.ranking.personalization import profile, settled
from recsys.ranking.plan import Plan, plan
from recsys.ranking.query import Query, Visitor
from recsys.ranking.shares import blend, chosen
from recsys.snapshot.snapshot import Scores, Snapshot
from recsys.snapshot.vocabulary import NOTHING, Vocabulary
from recsys.tenancy.config import RequestParams

_UNKNOWN: Final = np.array([-1], dtype=np.intp)
"""Required tags none of which the catalogue knows: no item carries this one."""


class Intent(Struct, frozen=True, eq=False):
    """What one request wants of one snapshot."""

    k: int
    params: RequestParams
    plan: Plan
    """What holds of all such lists."""
    shares: dict[Signal, float]
    """What each signal contributes at most; their sum is 1."""
    weights: Scores
    """The same in the order of SIGNALS, 0 for those without a share."""
    anchors: Anchors
    filters: Filters
    """What is kept out: excluded items (`exclude_ids`, and the anchors that the request names), items of the visitor's
    history that a policy leaves out, all tags but the required ones, forbidden tags; tags ascend."""
    limits: Bounds
    """How many items of the list may carry a tag."""
    taste: Taste | None = None
    """What the visitor's own interactions ask for, where their profile has a share."""
    included: Index | None = None
    """The allow-list, ascending, each once; None: everything."""
    required: Index | None = None
    """Tags of which an item must carry one; None: no tag is required."""

    @property
    def curious(self) -> bool:
        """Whether candidates come from elsewhere than the usual sources."""
        return (
            self.included is not None
            or self.required is not None
            or self.params.exploration is not None
            or "session" in self.shares
        )


def understand(query: Query, visitor: Visitor, snapshot: Snapshot, params: RequestParams, now: datetime) -> Intent:
    """Resolve *query* against *snapshot*."""
    usual = plan(snapshot, params, query.k)
    start = anchors(query, visitor, snapshot, usual)
    if query.is_open and not visitor.history:
        kept_out = start.numbers, NOTHING, NOTHING, usual.closed
        shares, weights = usual.shares, usual.weights
        if query.weights is not None:
            shares, weights = blend(query.weights, 0.0, remembered=bool(snapshot.sessions))
        return Intent(query.k, params, usual, shares, weights, start, kept_out, usual.limits)
    liked = profile(visitor, snapshot, params.personalization, now)
    personal, weighed = liked.share if liked else 0.0, chosen(params, query.weights)
    shares, weights = blend(weighed, personal, remembered=bool(snapshot.sessions))
    required = snapshot.tags.ascending(query.required_tags) if query.required_tags else None
    forbidden = (*query.forbidden_tags, *closed(query.max_per_tag, params.caps, snapshot))
    return Intent(
        k=query.k,
        params=params,
        plan=usual,
        shares=shares,
        weights=weights,
        anchors=start,
        filters=(
            _excluded(query.exclude_ids, snapshot.items, start),
            snapshot.items.ascending(settled(visitor, params.exclusions, now)),
            NOTHING if required is None else required if len(required) else _UNKNOWN,
            snapshot.tags.ascending(forbidden),
        ),
        limits=limits(query.max_per_tag, params.caps, snapshot) if query.max_per_tag else usual.limits,
        taste=None if liked is None or liked.share <= 0 else liked.taste,
        included=None if query.include_ids is None else np.unique(snapshot.items.ascending(query.include_ids)),
        required=required,
    )


def _excluded(ids: Sequence[str], vocabulary: Vocabulary, start: Anchors) -> Index:
    """Return the numbers of the known *ids*, and those of the anchors that the request names."""
    named = start.numbers if start.named else NOTHING
    return np.concatenate([vocabulary.ascending(ids), named]) if ids else named
