"""Counts become weights."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.snapshot.weights import Meetings, weigh
from recsys.tenancy.config import Normalization

NORMALIZATIONS: list[Normalization] = ["count", "cosine", "jaccard", "llr", "sqrt_llr"]


def one(
    normalization: Normalization, met: float, left: float, right: float, total: float, shrinkage: float = 0.0
) -> float:
    """Weigh a single pair."""
    meetings = Meetings(np.array([float(met)]), np.array([float(left)]), np.array([float(right)]), float(total))
    return float(weigh(meetings, normalization, shrinkage)[0])


def textbook_llr(met: int, left: int, right: int, total: int) -> float:
    """Dunning's ratio by entropies, as textbooks print it."""

    def entropy(*cells: int) -> float:
        whole = sum(cells)
        return -sum(cell * math.log(cell / whole) for cell in cells if cell > 0)

    cells = met, left - met, right - met, total - left - right + met
    by_row = entropy(cells[0] + cells[1], cells[2] + cells[3])
    by_column = entropy(cells[0] + cells[2], cells[1] + cells[3])
    return 2 * (by_row + by_column - entropy(*cells))


@pytest.mark.parametrize(
    ("normalization", "shrinkage", "expected"),
    [
        ("count", 0, 4),
        ("cosine", 0, 4 / math.sqrt(8 * 18)),
        ("cosine", 4, 4 / math.sqrt(8 * 18) / 2),
        ("jaccard", 0, 4 / (8 + 18 - 4)),
        ("jaccard", 12, 4 / (8 + 18 - 4) / 4),
        ("llr", 0, textbook_llr(4, 8, 18, 100)),
        ("sqrt_llr", 0, math.sqrt(textbook_llr(4, 8, 18, 100))),
    ],
)
def test_each_formula(normalization: Normalization, shrinkage: float, expected: float) -> None:
    """Every normalisation gives what its formula says."""
    assert one(normalization, 4, 8, 18, 100, shrinkage) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("normalization", ["llr", "sqrt_llr"])
def test_rarer_than_chance_weighs_nothing(normalization: Normalization) -> None:
    """A pair that meets less often than chance is as strong a surprise, but no recommendation."""
    assert textbook_llr(1, 40, 50, 100) > 0
    assert one(normalization, 1, 40, 50, 100) == 0


@given(
    met=st.integers(1, 1000),
    more_left=st.integers(0, 1000),
    more_right=st.integers(0, 1000),
    neither=st.integers(0, 100_000),
)
def test_llr_agrees_with_the_textbook(met: int, more_left: int, more_right: int, neither: int) -> None:
    """Summing surprises cell by cell equals the difference of entropies, signed."""
    left, right, total = met + more_left, met + more_right, met + more_left + more_right + neither
    expected = textbook_llr(met, left, right, total) if met * total > left * right else 0
    assert one("llr", met, left, right, total) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(
    normalization=st.sampled_from(NORMALIZATIONS),
    met=st.floats(1e-6, 1e6),
    more_left=st.floats(0, 1e6),
    more_right=st.floats(0, 1e6),
    neither=st.floats(0, 1e8),
    shrinkage=st.floats(0, 1000),
)
def test_weights_are_finite_symmetric_and_never_negative(
    normalization: Normalization, met: float, more_left: float, more_right: float, neither: float, shrinkage: float
) -> None:
    """Decayed counts of any size, in any table, give a weight that ranking can add up."""
    left, right, total = met + more_left, met + more_right, met + more_left + more_right + neither
    weight = one(normalization, met, left, right, total, shrinkage)
    assert math.isfinite(weight)
    assert weight >= 0
    assert weight == pytest.approx(one(normalization, met, right, left, total, shrinkage), rel=1e-9, abs=1e-9)
