"""Daily scores are summed with decay."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.snapshot.decay import Decay, decayed_sums

TODAY = 20_000


Row = tuple[int, int, float]


def total(rows: list[Row], decay: Decay) -> dict[int, float]:
    """Sum rows of (key, day, score)."""
    keys, days, scores = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    sums = decayed_sums(np.array(keys, np.int64), np.array(days, np.int32), np.array(scores, np.float64), decay)
    return dict(zip(sums.keys.tolist(), sums.values.tolist(), strict=True))


def test_a_score_halves_with_every_half_life() -> None:
    """Today counts whole, one half-life ago half, two a quarter."""
    rows = [(3, TODAY, 8.0), (3, TODAY - 7, 8.0), (3, TODAY - 14, 8.0)]
    assert total(rows, Decay(TODAY, 7.0, None)) == {3: pytest.approx(8 + 4 + 2)}


def test_without_half_life_all_days_count_the_same() -> None:
    """None switches decay off."""
    assert total([(0, TODAY, 1.5), (0, TODAY - 5000, 2.0)], Decay(TODAY, None, None)) == {0: 3.5}


def test_the_window_is_half_open() -> None:
    """A window of 3 days holds today and the two days before; the day at its edge is out."""
    rows = [(age, TODAY - age, 1.0) for age in range(5)]
    assert set(total(rows, Decay(TODAY, None, 3))) == {0, 1, 2}


def test_tomorrow_counts_as_today() -> None:
    """A writer east of Greenwich names tomorrow's day; its rows neither vanish nor count more than today's."""
    assert total([(0, TODAY + 1, 2.0)], Decay(TODAY, 1.0, 1)) == {0: 2.0}


def test_days_further_ahead_wait_until_they_begin() -> None:
    """A row of next week is not popular yet."""
    assert total([(0, TODAY + 2, 2.0)], Decay(TODAY, None, None)) == {}


def test_no_rows_no_sums() -> None:
    """An empty table sums to nothing."""
    assert total([], Decay(TODAY, 7.0, 90)) == {}


days = st.integers(TODAY - 400, TODAY + 3)
tables = st.dictionaries(st.tuples(st.integers(0, 6), days), st.floats(0, 1e6, allow_nan=False), max_size=40).map(
    lambda table: [(key, day, score) for (key, day), score in table.items()]
)
decays = st.builds(Decay, st.just(TODAY), st.none() | st.floats(0.5, 365), st.none() | st.integers(1, 400))


@given(rows=tables, decay=decays)
def test_sums_agree_with_a_plain_loop(rows: list[Row], decay: Decay) -> None:
    """The vectorised sum equals the definition, row by row."""
    expected: dict[int, float] = {}
    for key, day, score in rows:
        age = max(TODAY - day, 0)
        if day <= TODAY + 1 and (decay.window is None or age < decay.window):
            weight = 1.0 if decay.half_life is None else 2 ** (-age / decay.half_life)
            expected[key] = expected.get(key, 0.0) + score * weight
    assert total(rows, decay) == pytest.approx(expected)


@given(rows=tables, decay=decays, seed=st.randoms())
def test_the_order_of_rows_does_not_move_a_bit(rows: list[Row], decay: Decay, seed: Random) -> None:
    """A database returns rows in any order; two hosts must still agree to the last bit."""
    shuffled = rows.copy()
    seed.shuffle(shuffled)
    assert total(rows, decay) == total(shuffled, decay)
