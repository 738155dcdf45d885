"""Metrics against values worked out by hand."""

from __future__ import annotations

from math import isclose, log2

import pytest

from recsys.evaluation import metrics

RANKED = ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (metrics.hit, 1.0),
        (metrics.recall, 2 / 3),
        (metrics.precision, 2 / 4),
        (metrics.reciprocal_rank, 1 / 2),
        (metrics.average_precision, (1 / 2 + 2 / 4) / 3),
        (metrics.ndcg, (1 / log2(3) + 1 / log2(5)) / (1 + 1 / log2(3) + 1 / log2(4))),
    ],
)
def test_a_list_with_hits_at_ranks_two_and_four(metric, expected) -> None:  # noqa: ANN001  a function and a number
    """Each metric gives the figure of its definition for relevant items at ranks 2 and 4 of 4, a third one missed."""
    assert isclose(metric(RANKED, {"b", "d", "z"}, 4), expected)


@pytest.mark.parametrize(
    "metric", [metrics.hit, metrics.recall, metrics.precision, metrics.reciprocal_rank, metrics.ndcg]
)
def test_what_is_behind_k_does_not_count(metric) -> None:  # noqa: ANN001  a function
    """A relevant item at rank k + 1 scores nothing."""
    assert metric(RANKED, {"d"}, 3) == 0


@pytest.mark.parametrize("metric", [metrics.hit, metrics.recall, metrics.ndcg, metrics.average_precision])
def test_a_perfect_list_scores_one(metric) -> None:  # noqa: ANN001  a function
    """All relevant items in the first places give exactly 1, also where there are more of them than places."""
    assert metric(RANKED, {"a", "b"}, 5) == 1
    assert metrics.ndcg(RANKED, set(RANKED), 3) == 1


@pytest.mark.parametrize("metric", [metrics.hit, metrics.recall, metrics.reciprocal_rank, metrics.ndcg])
def test_a_visitor_without_relevant_items_is_not_averaged_in(metric) -> None:  # noqa: ANN001  a function
    """There is no score without relevant items; pretending 0 would depend on how many such visitors there are."""
    with pytest.raises(ValueError, match="left out"):
        metric(RANKED, set(), 3)


def test_coverage_counts_items_once_and_only_those_of_the_catalogue() -> None:
    """Two lists that share an item, and one item that is no longer there: two of four are covered."""
    assert metrics.coverage([["a", "b"], ["a", "gone"]], ["a", "b", "c", "d"]) == 0.5
    assert metrics.coverage([["a"]], []) == 0


def test_novelty_is_the_mean_self_information() -> None:
    """An item that half of the visitors know carries 1 bit, an eighth 3 bits; unknown ones do not count."""
    assert metrics.novelty(["a", "b", "x"], {"a": 1 / 2, "b": 1 / 8}) == 2
    assert metrics.novelty(["x"], {}) == 0


def test_diversity_is_the_mean_distance_of_tags() -> None:
    """Equal tags are at distance 0, disjoint ones at 1; two items without tags are not different."""
    tags = {"a": {"x"}, "b": {"x"}, "c": {"y"}}
    assert isclose(metrics.intra_list_diversity(["a", "b", "c"], tags), 2 / 3)
    assert metrics.intra_list_diversity(["p", "q"], tags) == 0
    assert metrics.intra_list_diversity(["a"], tags) == 0
