"""How much each signal contributes to a score."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from recsys.ranking.itemlist import SIGNALS, Signal
from recsys.snapshot.snapshot import Scores
from recsys.tenancy.config import RequestParams, Weights

ALGORITHMS: Final = {
    "popularity": Weights(pop=1.0, cooc=0.0, emb=0.0, session=0.0),
    # So little popularity that it only orders what nobody visited together with the anchors.
    "cooc": Weights(pop=0.001, cooc=1.0, emb=0.0, session=0.0),
}
"""The algorithms that are nothing but other weights."""


def chosen(params: RequestParams, given: Weights | None = None) -> Weights:
    """Return the weights that count: those of the request, else of the algorithm, else of the config."""
    return given or ALGORITHMS.get(params.algo, params.weights)


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
