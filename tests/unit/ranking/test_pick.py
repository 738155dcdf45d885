"""Diversity and caps in the one greedy pass."""

import numpy as np
import pytest
from tests.unit.ranking.shop import ask, codes, shop, shown

from recsys.ranking.diversity import pool_size
from recsys.ranking.loops.greedy import alike as likeness
from recsys.tenancy.config import RequestParams

BRANDS = {"a": "brand:x", "b": "brand:x", "c": "brand:x", "d": "brand:y", "e": "brand:y", "f": "new"}


def test_a_cap_counts_each_tag_with_its_prefix() -> None:
    """At most one item of each brand; what has no brand is free; the best one of each brand is taken."""
    slate = ask(shop("a b c d e f", tags=BRANDS), RequestParams(caps={"brand:": 1}))
    assert shown(slate) == "a d f"
    assert codes(slate) == {"CAPS_FILTERED", "CATALOG_EXHAUSTED"}


def test_the_smaller_of_two_caps_holds() -> None:
    """`max_per_tag` of the request and a prefix of the config: the tighter one decides."""
    snapshot = shop("a b c d e f", tags=BRANDS)
    assert shown(ask(snapshot, RequestParams(caps={"brand:": 2}), max_per_tag={"brand:x": 1})) == "a d e f"
    assert shown(ask(snapshot, RequestParams(caps={"brand:": 1}), max_per_tag={"brand:x": 2})) == "a d f"


def test_a_cap_of_none_closes_a_tag() -> None:
    """0 means that no item may carry the tag, and it is the constraints that say so."""
    slate = ask(shop("a b c d e f", tags=BRANDS), max_per_tag={"brand:x": 0})
    assert shown(slate) == "d e f"
    assert "CONSTRAINTS_FILTERED" in codes(slate)
    assert shown(ask(shop("a b c d e f", tags=BRANDS), RequestParams(caps={"brand:": 0}))) == "f"


def test_what_caps_take_out_is_filled_from_the_catalogue() -> None:
    """Where a hundred popular items share a brand with a cap, less popular ones of other brands fill the list."""
    ids = [f"i{number:03}" for number in range(300)]
    tags = dict.fromkeys(ids, "brand:x") | {"i250": "brand:y", "i260": "brand:y", "i270": ""}
    slate = ask(shop(" ".join(ids), tags=tags), RequestParams(caps={"brand:": 2}))
    assert shown(slate) == "i000 i001 i250 i260 i270"
    assert slate.counts["widened"] == 1
    assert not slate.warnings


def test_likeness_is_the_weighted_overlap_of_tags() -> None:
    """Shared idf over all idf of the two; an item is entirely like itself, one without tags like none."""
    snapshot = shop("a b c d", tags={"a": "t u", "b": "t", "c": "u v"})
    weight = {word: snapshot.tag_weight[snapshot.tags.number(word)] for word in "tuv"}
    alike = likeness(snapshot.item_tags.lists, np.arange(4, dtype=np.uint32), snapshot.tag_weight)
    assert alike[0, 1] == pytest.approx(weight["t"] / (weight["t"] + weight["u"]), abs=1e-4)
    assert alike[0, 2] == pytest.approx(weight["u"] / sum(weight.values()), abs=1e-4)
    assert alike[1, 2] == 0
    assert np.diag(alike).tolist() == [1, 1, 1, 0]
    assert (alike == alike.T).all()


@pytest.mark.parametrize(("k", "size"), [(5, 60), (20, 60), (40, 120), (200, 200)])
def test_diversity_looks_at_three_lists_within_bounds(k: int, size: int) -> None:
    """The best 3k, at least 60 and at most 200."""
    assert pool_size(k, RequestParams()) == size


def test_diversity_prefers_what_is_unlike_the_items_before() -> None:
    """At a balance of one half, the second pick is the first of another kind."""
    snapshot = shop("a b c d", tags={"a": "shoe red", "b": "shoe red", "c": "hat", "d": "hat"})
    slate = ask(snapshot, RequestParams(mmr_lambda=0.5), include_reasons=True, k=4)
    assert shown(slate) == "a c b d"
    assert slate.reasons is not None
    assert ["diversity" in words for words in slate.reasons] == [False, True, False, False]


def test_a_balance_of_one_is_the_order_by_score() -> None:
    """With nothing to win by variety, diversity changes nothing."""
    snapshot = shop("a b c d e f", tags=BRANDS)
    assert ask(snapshot, RequestParams(mmr_lambda=1.0), k=6).item_ids == ask(snapshot, k=6).item_ids


def test_diversity_reaches_behind_its_pool_when_caps_empty_it() -> None:
    """When no item of the diversified best is allowed any more, the rest follows by score."""
    ids = [f"i{number:03}" for number in range(100)]
    tags = dict.fromkeys(ids[:70], "brand:x")
    slate = ask(shop(" ".join(ids), tags=tags), RequestParams(mmr_lambda=0.5, caps={"brand:": 1}), k=3)
    assert shown(slate) == "i000 i070 i071"
