"""The query in the snapshot's numbers: every id is looked up here, once, and every default decided."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

import numpy as np
from msgspec import Struct

from recsys.ranking.anchors import Anchors, anchors
from recsys.ranking.caps import closed, limits
from recsys.ranking.compiled import Bounds, Filters
from recsys.ranking.content import Taste
from recsys.ranking.itemlist import SIGNALS, Index, Signal
from recsys.ranking.personalization import profile, settled
from recsys.ranking.query import Query, Visitor
from recsys.snapshot.snapshot import Scores, Snapshot
from recsys.snapshot.vocabulary import Vocabulary
from recsys.tenancy.config import RequestParams, Weights

ALGORITHMS: Final = {
    "popularity": Weights(pop=1.0, cooc=0.0, emb=0.0, session=0.0),
    # So little popularity that it only orders what nobody visited together with the anchors.
    "cooc": Weights(pop=0.001, cooc=1.0, emb=0.0, session=0.0),
}
"""The algorithms that are nothing but other weights."""


_NONE: Final = np.empty(0, dtype=np.intp)
_UNKNOWN: Final = np.array([-1], dtype=np.intp)
"""Required tags none of which the catalogue knows: no item carries this one."""


class Intent(Struct, frozen=True, eq=False):
    """What one request wants of one snapshot."""

    k: int
    params: RequestParams
    shares: dict[Signal, float]
    """What each signal contributes at most; their sum is 1."""
    weights: Scores
    """The same in the order of SIGNALS, 0 for those without a share."""
    anchors: Anchors
    taste: Taste | None
    """What the visitor's own interactions ask for, where their profile has a share."""
    included: Index | None
    """The allow-list, ascending, each once; None: everything."""
    required: Index | None
    """Tags of which an item must carry one; None: no tag is required."""
    filters: Filters
    """What is kept out: excluded items (`exclude_ids`, and the anchors that the request names), items of the visitor's
    history that a policy leaves out, all tags but the required ones, forbidden tags; tags ascend."""
    limits: Bounds
    """How many items of the list may carry a tag."""
    sessions_missing: bool
    """The session signal is weighed, and the snapshot has no sessions to answer from."""

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
    chosen = query.weights or ALGORITHMS.get(params.algo, params.weights)
    start = anchors(query, visitor, snapshot, params)
    liked = profile(visitor, snapshot, params.personalization, now)
    shares, weights = blend(chosen, liked.share if liked else 0.0, remembered=bool(snapshot.sessions))
    required = _ascending(query.required_tags, snapshot.tags) if query.required_tags else None
    forbidden = (*query.forbidden_tags, *closed(query.max_per_tag, params.caps, snapshot))
    return Intent(
        k=query.k,
        params=params,
        shares=shares,
        weights=weights,
        anchors=start,
        taste=None if liked is None or liked.share <= 0 else liked.taste,
        included=None if query.include_ids is None else np.unique(_ascending(query.include_ids, snapshot.items)),
        required=required,
        filters=(
            _excluded(query.exclude_ids, snapshot.items, start),
            _ascending(settled(visitor, params.exclusions, now), snapshot.items),
            _NONE if required is None else required if len(required) else _UNKNOWN,
            _ascending(forbidden, snapshot.tags),
        ),
        limits=limits(query.max_per_tag, params.caps, snapshot),
        sessions_missing=chosen.session > 0 and not snapshot.sessions,
    )


def blend(weights: Weights, personal: float, *, remembered: bool) -> tuple[dict[Signal, float], Scores]:
    """Divide the weights of the signals that there are by their sum, and leave *personal* (0..1) to the profile.

    A snapshot without sessions gives their signal no share; weighed alone, popularity takes its place. Both results are
    shared by all requests with the same weights.
    """
    return _shares(weights, personal if personal > 0 else 0.0, remembered)


@lru_cache(maxsize=1024)
def _shares(weights: Weights, personal: float, remembered: bool) -> tuple[dict[Signal, float], Scores]:
    present: dict[Signal, float] = {"pop": weights.pop, "cooc": weights.cooc, "emb": weights.emb}
    if remembered:
        present["session"] = weights.session
    total = sum(present.values())
    shares: dict[Signal, float] = {"pop": 1.0}
    if total:
        shares = {name: weight / total for name, weight in present.items() if weight > 0}
    if personal:
        shares = {**{name: share * (1.0 - personal) for name, share in shares.items()}, "profile": personal}
    parts = np.array([shares.get(name, 0.0) for name in SIGNALS])
    parts.flags.writeable = False
    return shares, parts


def _excluded(ids: Sequence[str], vocabulary: Vocabulary, start: Anchors) -> Index:
    """Return the numbers of the known *ids*, and those of the anchors that the request names."""
    named = start.numbers if start.named else _NONE
    return np.concatenate([_ascending(ids, vocabulary), named]) if ids else named


def _ascending(ids: Sequence[str], vocabulary: Vocabulary) -> Index:
    """Return the numbers of the known *ids*."""
    if not ids:
        return _NONE
    return np.array(sorted([number for number in vocabulary.numbers(ids) if number is not None]), dtype=np.intp)
