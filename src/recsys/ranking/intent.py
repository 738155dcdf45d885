"""The query in the snapshot's numbers: every id is looked up here, once, and every default decided."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from recsys.ranking.anchors import Anchors, anchors
from recsys.ranking.caps import Limits, limits
from recsys.ranking.content import Taste, taste
from recsys.ranking.itemlist import PROFILE, SIGNALS, Index
from recsys.ranking.personalization import Profile, profile, settled
from recsys.ranking.query import Query, Visitor
from recsys.snapshot.snapshot import Scores, Snapshot
from recsys.snapshot.vocabulary import Vocabulary
from recsys.tenancy.config import Candidates, RequestParams, Weights

POPULARITY_ONLY = Weights(pop=1.0, cooc=0.0, emb=0.0, session=0.0)
CO_VISITATION_FIRST = Weights(pop=0.001, cooc=1.0, emb=0.0, session=0.0)
"""So little popularity that it only orders what nobody visited together with the anchors."""


class Intent(Struct, frozen=True, eq=False):
    """What one request wants of one snapshot."""

    k: int
    anchors: Anchors
    taste: Taste | None
    """The anchors' tags; None where they have none or nothing weighs them."""
    profile: Profile | None
    shares: Scores
    """(len(SIGNALS),) what each signal contributes at most; their sum is 1."""
    included: Index | None
    """The allow-list, ascending; None: everything."""
    excluded: Index
    """Ascending: `exclude_ids` and the anchors that the request names."""
    settled: Index
    """Ascending: items of the visitor's history that a policy leaves out."""
    required: Index | None
    """Tags of which an item must carry one; None: no tag is required."""
    forbidden: Index
    limits: Limits | None
    mmr_lambda: float | None
    pools: Candidates
    sessions_missing: bool
    """The session signal is weighed, and the snapshot has no sessions to answer from."""


class Blend(NamedTuple):
    """Weights as shares of one score."""

    shares: Scores
    sessions_missing: bool


def understand(query: Query, visitor: Visitor, snapshot: Snapshot, params: RequestParams, now: datetime) -> Intent:
    """Resolve *query* against *snapshot*."""
    start = anchors(query, visitor, snapshot, params)
    liked = profile(visitor, snapshot, params.personalization, now)
    shares, sessions_missing = blend(weights(query, params), liked.share if liked else 0.0)
    never = (tag for tag, most in query.max_per_tag.items() if most == 0)
    return Intent(
        k=query.k,
        anchors=start,
        taste=_taste(start, snapshot) if shares[2] > 0 else None,
        profile=liked,
        shares=shares,
        included=None if query.include_ids is None else _ascending(query.include_ids, snapshot.items),
        excluded=_ascending((*query.exclude_ids, *query.anchors), snapshot.items),
        settled=_ascending(settled(visitor, params.exclusions, now), snapshot.items),
        required=_ascending(query.required_tags, snapshot.tags) if query.required_tags else None,
        forbidden=_ascending((*query.forbidden_tags, *never), snapshot.tags),
        limits=limits(query.max_per_tag, params.caps, snapshot) if query.max_per_tag or params.caps else None,
        mmr_lambda=params.mmr_lambda,
        pools=params.candidates,
        sessions_missing=sessions_missing,
    )


def weights(query: Query, params: RequestParams) -> Weights:
    """Choose the request's own weights, else what the algorithm stands for, else the config's."""
    if query.weights is not None:
        return query.weights
    return {"popularity": POPULARITY_ONLY, "cooc": CO_VISITATION_FIRST}.get(params.algo, params.weights)


def blend(weights: Weights, personal: float) -> Blend:
    """Divide the weights of the signals that there are by their sum, and leave *personal* (0..1) to the profile.

    Where only the session signal is weighed, and there are no sessions, popularity takes its place.
    """
    present = np.array([weights.pop, weights.cooc, weights.emb, 0.0, 0.0])
    total = present.sum()
    shares = present / total if total > 0 else np.eye(len(SIGNALS))[0]
    shares *= 1.0 - personal
    shares[PROFILE] = personal
    return Blend(shares, weights.session > 0)


def _taste(start: Anchors, snapshot: Snapshot) -> Taste | None:
    return taste(start.numbers, start.weights, snapshot) if len(start.numbers) else None


def _ascending(ids: Iterable[str], vocabulary: Vocabulary) -> Index:
    return np.sort(vocabulary.known(ids).astype(np.intp))
