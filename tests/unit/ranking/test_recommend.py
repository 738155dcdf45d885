"""The pipeline as a whole: what a shop's owner would expect of it."""

import pytest
from msgspec.structs import replace
from tests.unit.ranking.shop import ask, codes, shop, shown

from recsys.ranking.trace import Recording
from recsys.rules.live import Adjustment, Pin, live
from recsys.tenancy.config import Candidates, RequestParams, Weights

COOC = Weights(pop=0, cooc=1, emb=0)


def test_somebody_unknown_sees_what_is_popular() -> None:
    """Without anchors and history the list is the most popular items, in order."""
    slate = ask(shop("a b c d e f g"))
    assert shown(slate) == "a b c d e"
    assert not slate.warnings


def test_neighbours_of_the_anchors_come_first() -> None:
    """What is met together with the anchor beats what is merely popular; the anchor itself is not shown."""
    snapshot = shop("a b c d e f", together={("f", "x"): 9, ("f", "y"): 5})
    assert shown(ask(snapshot, anchors=("f",), weights=Weights(pop=0.1, cooc=1, emb=0), k=4)) == "x y a b"


def test_what_is_tagged_like_a_cold_anchor_comes_first() -> None:
    """An anchor that nobody visited together with anything still finds items that share its tags."""
    snapshot = shop("a b c d e f", tags={"cold": "red shoe", "f": "red shoe", "e": "red hat"})
    slate = ask(snapshot, anchors=("cold",), weights=Weights(pop=0.1, cooc=0.5, emb=0.5), include_reasons=True, k=3)
    assert shown(slate) == "f e a"
    assert slate.reasons is not None
    assert slate.reasons[0] == ("content_similarity", "recent_popularity")


def test_a_lone_weak_neighbour_does_not_win() -> None:
    """Evidence is measured against the whole namespace: an anchor's only neighbour is as weak as it is."""
    snapshot = shop("a b c d e", together={("p", "q"): 1000, ("z", "weak"): 1})
    assert "weak" not in shown(ask(snapshot, anchors=("z",)))


def test_co_visitation_alone_keeps_the_order_of_the_weighted_sum() -> None:
    """Dividing by the anchors' weights changes no order: 0.8 * 9 loses to 8, and both beat 7."""
    snapshot = shop(together={("new", "p"): 8, ("old", "q"): 9, ("new", "r"): 7})
    assert shown(ask(snapshot, anchors=("new", "old"), weights=COOC, k=3)) == "p q r"


def test_scores_do_not_depend_on_the_scale_of_the_weights() -> None:
    """Weights are divided by their sum, so ten times all of them is the same question."""
    snapshot = shop("a b c", together={("a", "b"): 3}, tags={"a": "t", "b": "t"})
    once = ask(snapshot, anchors=("a",), weights=Weights(pop=0.3, cooc=0.5, emb=0.2))
    assert ask(snapshot, anchors=("a",), weights=Weights(pop=3, cooc=5, emb=2)) == once


@pytest.mark.parametrize(("algo", "first"), [("popularity", "b"), ("cooc", "x"), ("blend", "x")])
def test_an_algorithm_is_a_choice_of_weights(algo: str, first: str) -> None:
    """`popularity` looks at nothing else; `cooc` fills up with popular items in their order."""
    snapshot = shop("b a c", together={("c", "x"): 2})
    slate = ask(snapshot, RequestParams(algo=algo), anchors=("c",), k=3)
    assert slate.item_ids[0] == first
    assert set(slate.item_ids) == {"a", "b", "x"}
    if algo == "cooc":
        assert shown(slate) == "x b a"


def test_the_request_s_own_weights_beat_the_algorithm() -> None:
    """Weights in the request say what it wants, whatever algorithm the config names."""
    snapshot = shop("a b c", together={("c", "x"): 2})
    assert ask(snapshot, RequestParams(algo="popularity"), anchors=("c",), weights=COOC).item_ids[0] == "x"


def test_ties_break_by_id_after_rounding() -> None:
    """Scores that differ in the seventh decimal are equal, and equal scores stand by id."""
    snapshot = shop({"b": 1000.0001, "a": 1000.0, "c": 1000.0})
    slate = ask(snapshot)
    assert shown(slate) == "a b c"
    assert len(set(slate.scores)) == 1


def test_blocking_four_of_the_top_five_leaves_five() -> None:
    """A list is filled from behind what rules take out."""
    snapshot = shop("a b c d e f g h i j")
    blocked = live(len(snapshot.items), blocked=snapshot.items.known("abcd"))
    assert shown(ask(snapshot, RequestParams(candidates=Candidates(popular=5, factor=1)), blocked)) == "e f g h i"


def test_a_pool_that_filters_empty_is_widened_once() -> None:
    """Where everything popular is excluded, one look at the rest of the catalogue finds what can be shown."""
    ids = [f"i{number:03}" for number in range(400)]
    slate = ask(shop(" ".join(ids)), exclude_ids=tuple(ids[:395]))
    assert list(slate.item_ids) == ids[395:]
    assert slate.counts["widened"] == 1
    assert not slate.warnings


def test_a_required_tag_is_searched_in_its_own_items() -> None:
    """Rare tagged items are found however unpopular they are; a list of them is not filled with others, and says so."""
    ids = [f"i{number:03}" for number in range(300)]
    slate = ask(shop(" ".join(ids), tags={"i290": "rare", "i295": "rare red", "i297": "red"}), required_tags=("rare",))
    assert shown(slate) == "i290 i295"
    assert [(one.code, one.detail.partition(" items")[0]) for one in slate.warnings] == [
        ("CONSTRAINTS_FILTERED", "298 of 300"),
        ("CATALOG_EXHAUSTED", "2 of the 5"),
    ]


def test_required_means_any_of_them() -> None:
    """An item needs one of the required tags and none of the forbidden ones."""
    snapshot = shop("a b c d", tags={"a": "red", "b": "blue", "c": "blue old", "d": "green"})
    assert shown(ask(snapshot, required_tags=("red", "blue"), forbidden_tags=("old",))) == "a b"


def test_a_long_allow_list_is_reachable_to_its_end() -> None:
    """Every one of thousands of included items can be shown, also the least popular one."""
    ids = [f"i{number:04}" for number in range(3000)]
    snapshot = shop(" ".join(ids))
    allowed = tuple(ids[1000:])
    assert shown(ask(snapshot, include_ids=allowed, k=3)) == "i1000 i1001 i1002"
    assert shown(ask(snapshot, include_ids=allowed, exclude_ids=allowed[:-1], k=3)) == "i2999"


def test_an_exclusion_beats_an_inclusion_a_pin_and_a_boost() -> None:
    """What the caller excludes stays out, whatever else names it."""
    snapshot = shop("a b c")
    number = snapshot.items.number("a")
    assert number is not None
    rules = live(
        3, pins=[Pin(number, "a", 1, "p")], adjustments=[Adjustment(snapshot.items.known("a"), 1.0, "b", "boost")]
    )
    assert shown(ask(snapshot, live=rules, exclude_ids=("a",), include_ids=("a", "b", "c"))) == "b c"


def test_rules_that_are_switched_off_do_nothing() -> None:
    """`enable_rules: false` ranks as if there were none."""
    snapshot = shop("a b c")
    rules = live(3, blocked=snapshot.items.known("a"))
    assert shown(ask(snapshot, RequestParams(enable_rules=False), rules)) == "a b c"


def test_an_empty_namespace_answers_with_a_reason() -> None:
    """A snapshot without items gives an empty list that says why."""
    slate = ask(shop())
    assert len(slate) == 0
    assert codes(slate) == {"NAMESPACE_UNKNOWN", "CATALOG_EXHAUSTED"}


def test_sources_without_a_share_are_not_asked() -> None:
    """With no weight on co-visitation or tags neither offers candidates."""
    snapshot = shop("a b c", together={("a", "x"): 1}, tags={"a": "t", "y": "t"})
    slate = ask(snapshot, anchors=("a",), weights=Weights(pop=1, cooc=0, emb=0))
    assert slate.counts["neighbors"] == 0
    assert "similar" not in slate.counts


def test_a_trace_tells_what_was_removed_and_why() -> None:
    """A recording names the items that a filter took out; a silent trace changes nothing."""
    snapshot, heard = shop("a b c d", gone="b"), Recording()
    assert ask(snapshot, exclude_ids=("c",), trace=heard) == ask(snapshot, exclude_ids=("c",))
    assert [(one.why, one.item_ids) for one in heard.removals] == [
        ("ITEMS_UNAVAILABLE", ("b",)),
        ("EXCLUDED_BY_REQUEST", ("c",)),
    ]


def test_the_same_question_has_the_same_answer() -> None:
    """Nothing is remembered between two calls."""
    snapshot = shop("a b c d", together={("a", "b"): 2, ("a", "c"): 2}, tags={"a": "t u", "b": "t", "d": "u"})
    params = replace(RequestParams(), mmr_lambda=0.5)
    answers = [ask(snapshot, params, anchors=("a",), explain="full", include_reasons=True) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
