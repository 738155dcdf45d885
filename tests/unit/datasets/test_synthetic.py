"""Synthetic interactions have the shape of a shop's, and say what they are."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from recsys.datasets.synthetic import Made, Size, make, rows

UNTIL = datetime(2026, 5, 20, 12, tzinfo=UTC)
SIZE = Size(events=250_000, items=10_000, visitors=50_000, days=30)


def everything() -> Made:
    """Join all blocks."""
    return Made(*map(np.concatenate, zip(*make(SIZE, until=UNTIL), strict=True)))


def test_it_makes_exactly_what_was_asked_for() -> None:
    """As many events as asked for, inside their time, of known items and visitors."""
    made = everything()
    assert len(made.item) == SIZE.events
    assert 0 <= made.item.min() <= made.item.max() < SIZE.items
    assert 0 <= made.visitor.min() <= made.visitor.max() < SIZE.visitors
    days = (made.at.max() - made.at.min()) / 86_400_000_000
    assert 28 < days <= 30
    assert made.at.max() <= UNTIL.timestamp() * 1_000_000


def test_the_same_seed_makes_the_same() -> None:
    """A run can be repeated."""
    assert all((one == other).all() for one, other in zip(everything(), everything(), strict=True))


def test_marginals_are_those_of_a_shop() -> None:
    """A few items take most of the traffic, sessions are short with a long tail, and pairs of neighbours repeat."""
    made = everything()
    counts = np.sort(np.bincount(made.item, minlength=SIZE.items))[::-1]
    assert 0.3 < counts[:100].sum() / counts.sum() < 0.9
    lengths = np.bincount(made.session)
    assert 3.5 < lengths.mean() < 4.5
    assert lengths.max() > 20
    same = made.session[1:] == made.session[:-1]
    pairs = np.unique(made.item[1:][same] * SIZE.items + made.item[:-1][same], return_counts=True)[1]
    assert (pairs > 1).sum() / len(pairs) > 0.05


def test_every_row_says_that_it_is_synthetic() -> None:
    """Nobody can take the rows for real people's."""
    made = next(make(Size(events=50), until=UNTIL))
    assert all(row[key].startswith("synthetic-") for row in rows(made) for key in ("user_id", "session_id", "item_id"))
