"""How much variety a list has: relevance balanced against likeness, among the best candidates."""

from __future__ import annotations

from typing import Final

from recsys.tenancy.config import RequestParams

_RELEVANCE_ALONE: Final = -1.0


def pool_size(k: int, params: RequestParams) -> int:
    """Return among how many of the best items a list of *k* is diversified."""
    return min(max(params.mmr_pool_factor * k, params.mmr_pool_min), params.mmr_pool_max)


def variety(k: int, params: RequestParams) -> tuple[float, int]:
    """Return the balance of relevance against likeness, as the loops take it, and among how many of the best."""
    return _RELEVANCE_ALONE if params.mmr_lambda is None else params.mmr_lambda, pool_size(k, params)
