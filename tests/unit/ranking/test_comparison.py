"""Two lists held against each other."""

from __future__ import annotations

import pytest

from recsys.ranking.comparison import Move, compare, summarise
from recsys.ranking.slate import Slate


def slate(items: str) -> Slate:
    """Make a list of one-letter items."""
    return Slate(
        item_ids=tuple(items),
        scores=(0.0,) * len(items),
        reasons=None,
        explain=None,
        warnings=(),
        counts={},
        signals_version="s",
    )


def test_what_enters_leaves_and_moves() -> None:
    """Each item of either list is in exactly one of entered, left, moved, or where it was."""
    found = compare(slate("abcd"), slate("acxe"), 5)
    assert (found.entered, found.left) == (("x", "e"), ("b", "d"))
    assert found.moved == (Move("c", 3, 2),)
    assert found.overlap == pytest.approx(2 / 6, abs=1e-6)
    assert (found.short_by, found.changed) == (1, True)


def test_the_same_list_is_no_change() -> None:
    """Nothing enters, leaves or moves, and the overlap is whole; of two empty lists, too."""
    for items in ("abc", ""):
        found = compare(slate(items), slate(items), 3)
        assert (found.entered, found.left, found.moved, found.overlap, found.changed) == ((), (), (), 1.0, False)


def test_the_sum_of_many() -> None:
    """Shares, coverage, and which lists would become short or empty."""
    pairs = [("ab", "ab"), ("ab", "bc"), ("ab", "a"), ("ab", ""), ("", "")]
    found = summarise([compare(slate(old), slate(new), 2) for old, new in pairs])
    assert (found.lists, found.changed, found.share_changed) == (5, 3, 0.6)
    assert found.mean_overlap == pytest.approx((1 + 1 / 3 + 1 / 2 + 0 + 1) / 5, abs=1e-6)
    assert (found.coverage_before, found.coverage_after) == (2, 3)
    assert (found.newly_short, found.newly_empty) == (2, 1)


def test_the_sum_of_nothing() -> None:
    """Without lists nothing changes."""
    found = summarise([])
    assert (found.lists, found.share_changed, found.mean_overlap) == (0, 0.0, 1.0)
