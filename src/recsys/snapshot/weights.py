"""Counts of co-visitation become weights: how much more than chance brings two items together (pure).

`met` is how often items i and j met (decayed), `left` and `right` how often i and j met anything, `total` the sum of
that over all items. All formulas are symmetric in i and j, give values >= 0, and are the larger the stronger the tie.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.tenancy.config import Normalization

Floats = npt.NDArray[np.float64]


class Meetings(NamedTuple):
    """Pairs of items with their marginals; three arrays of shape (m,) and a number."""

    met: Floats
    left: Floats
    right: Floats
    total: float


def weigh(meetings: Meetings, normalization: Normalization, shrinkage: float) -> Floats:
    """Return the weight of each pair, shape (m,).

    *shrinkage* is how many meetings a pair needs until half of its weight is believed: ``w * c / (c + shrinkage)``.
    """
    weights = _FORMULAS[normalization](meetings)
    return weights * (meetings.met / (meetings.met + shrinkage)) if shrinkage > 0 else weights


def _count(meetings: Meetings) -> Floats:
    """``c``."""
    return meetings.met


def _cosine(meetings: Meetings) -> Floats:
    """``c / sqrt(f_i * f_j)``."""
    return meetings.met / np.sqrt(meetings.left * meetings.right)


def _jaccard(meetings: Meetings) -> Floats:
    """``c / (f_i + f_j - c)``."""
    return meetings.met / (meetings.left + meetings.right - meetings.met)


def _llr(meetings: Meetings) -> Floats:
    """Dunning's log-likelihood ratio ``2 * sum(k * ln(k / expected))`` over the 2x2 table; 0 if rarer than chance.

    T. Dunning, "Accurate Methods for the Statistics of Surprise and Coincidence", Computational Linguistics
    19(1), 1993.
    """
    met, left, right, total = meetings
    beyond_chance = met - left * right / total
    ratio = _surprise(met, left * right / total, beyond_chance)
    ratio += _surprise(left - met, left * (total - right) / total, -beyond_chance)
    ratio += _surprise(right - met, (total - left) * right / total, -beyond_chance)
    ratio += _surprise(total - left - right + met, (total - left) * (total - right) / total, beyond_chance)
    ratio[beyond_chance <= 0] = 0
    return 2 * ratio


def _sqrt_llr(meetings: Meetings) -> Floats:
    """Square root of the log-likelihood ratio: a few enormous ratios do not decide everything."""
    return np.sqrt(_llr(meetings))


def _surprise(seen: Floats, expected: Floats, difference: Floats) -> Floats:
    """``seen * ln(seen / expected) - difference``, where *difference* is ``seen - expected``; never negative.

    The four differences of a table cancel out. Taking each away leaves terms that do not: counts that have decayed to
    millionths beside marginals of thousands keep their digits.
    """
    change = np.divide(difference, expected, out=np.zeros_like(seen), where=(expected > 0) & (seen > 0))
    return np.maximum(np.maximum(seen, 0) * np.log1p(np.maximum(change, -1 + 1e-15)) - difference, 0)


_FORMULAS: dict[Normalization, Callable[[Meetings], Floats]] = {
    "count": _count,
    "cosine": _cosine,
    "jaccard": _jaccard,
    "llr": _llr,
    "sqrt_llr": _sqrt_llr,
}
