"""Warnings, reasons and explanations."""

import pytest
from tests.unit.ranking.shop import ask, codes, shop, shown

from recsys.ranking.candidates import Source
from recsys.rules.live import Adjustment, Pin, live
from recsys.tenancy.config import Weights


def test_each_filter_of_a_short_list_is_counted_over_the_catalogue() -> None:
    """Each code says how many items it took; an item that two filters name counts for the first."""
    snapshot = shop("a b c d e f", tags={"c": "old", "d": "old"}, gone="a")
    rules = live(6, blocked=snapshot.items.known("ef"))
    slate = ask(snapshot, live=rules, exclude_ids=("a", "b", "x"), forbidden_tags=("old",))
    assert [(one.code, one.detail.split()[0]) for one in slate.warnings] == [
        ("ITEMS_UNAVAILABLE", "1"),
        ("EXCLUDED_BY_REQUEST", "1"),
        ("CONSTRAINTS_FILTERED", "2"),
        ("RULES_BLOCKED", "2"),
        ("CATALOG_EXHAUSTED", "0"),
    ]


def test_a_full_list_does_not_complain_about_filters() -> None:
    """What filters removed is of no interest while the list is full."""
    assert not ask(shop("a b c d e f g", gone="a"), exclude_ids=("b",)).warnings


def test_an_allow_list_without_known_items_is_said() -> None:
    """CANDIDATES_INCLUDE_EMPTY: nothing that the caller allows exists."""
    assert codes(ask(shop("a b"), include_ids=("x", "y"))) == {"CANDIDATES_INCLUDE_EMPTY", "CATALOG_EXHAUSTED"}


def test_an_allow_list_that_is_partly_gone_is_said() -> None:
    """CANDIDATES_INCLUDE_FILTERED says how many are unknown and how many can not be shown."""
    slate = ask(shop("a b c", gone="b c"), include_ids=("a", "b", "c", "x"))
    assert shown(slate) == "a"
    details = {one.code: one.detail for one in slate.warnings}
    assert details["CANDIDATES_INCLUDE_FILTERED"] == (
        "Of 4 include_ids 1 are not in the catalogue and 2 can not be shown."
    )


def test_a_weight_on_sessions_is_a_warning_and_scales_nothing() -> None:
    """A namespace without sessions says so, and ranks by the other signals as if the weight were not there."""
    snapshot = shop("a b c", together={("a", "b"): 1})
    with_sessions = ask(snapshot, anchors=("a",), weights=Weights(pop=1, cooc=1, emb=0, session=5))
    without = ask(snapshot, anchors=("a",), weights=Weights(pop=1, cooc=1, emb=0))
    assert "SIGNAL_UNAVAILABLE" in codes(with_sessions)
    assert with_sessions.scores == without.scores


def test_sessions_alone_fall_back_to_popularity() -> None:
    """Where nothing else is weighed, a list by popularity is better than none."""
    assert shown(ask(shop("c b a"), weights=Weights(pop=0, cooc=0, emb=0, session=1))) == "c b a"


def test_reasons_name_pins_first_then_signals_by_weight_then_rules() -> None:
    """The words are those of the contract, with the rule and its signed amount."""
    snapshot = shop("a b", together={("x", "b"): 2, ("x", "y"): 2}, tags={"x": "t", "b": "t"})
    number = snapshot.items.number("b")
    assert number is not None
    rules = live(
        len(snapshot.items),
        pins=[Pin(number, "b", 1, "p")],
        adjustments=[
            Adjustment(snapshot.items.known("b"), 0.5, "up", "boost"),
            Adjustment(snapshot.items.known("ab"), -0.25, "down", "bury"),
        ],
    )
    slate = ask(
        snapshot, live=rules, anchors=("x",), weights=Weights(pop=0.3, cooc=0.5, emb=0.2), include_reasons=True, k=2
    )
    assert slate.reasons is not None
    assert slate.reasons[0] == (
        "rule.pin[p]",
        "co_visitation",
        "content_similarity",
        "recent_popularity",
        "rule.boost:+0.50[up]",
        "rule.bury:-0.25[down]",
    )


def test_nothing_is_explained_unless_asked() -> None:
    """Reasons and explanations cost nothing where nobody wants them."""
    slate = ask(shop("a b"))
    assert slate.reasons is None
    assert slate.explain is None


def test_a_summary_holds_parts_and_rules() -> None:
    """Weighted parts that are not zero, the score before rules, and what each rule did."""
    snapshot = shop("a b", together={("x", "b"): 2})
    rules = live(3, adjustments=[Adjustment(snapshot.items.known("b"), 0.1, "up", "boost")])
    slate = ask(snapshot, live=rules, anchors=("x",), weights=Weights(pop=1, cooc=3, emb=0), explain="summary")
    assert slate.explain is not None
    top = slate.explain[0]
    assert top.signals["pop"] == pytest.approx(0.25 * 0.63093, abs=1e-5)
    assert top.base == pytest.approx(top.signals["pop"] + top.signals["cooc"], abs=1e-5)
    assert slate.scores[0] == pytest.approx(top.base + 0.1)
    assert [(effect.rule_id, effect.action, effect.amount) for effect in top.rules] == [("up", "boost", 0.1)]
    assert top.detail is None


def test_a_full_explanation_adds_evidence_sources_and_standing() -> None:
    """Raw and normalised values, shares, who offered the item, and its rank before pins moved it."""
    snapshot = shop("a b c", together={("x", "b"): 2})
    number = snapshot.items.number("c")
    assert number is not None
    rules = live(4, pins=[Pin(number, "c", 1, "p")])
    slate = ask(snapshot, live=rules, anchors=("x",), weights=Weights(pop=1, cooc=1, emb=0), explain="full", k=3)
    assert slate.explain is not None
    pinned, best = (one.detail for one in slate.explain[:2])
    assert pinned is not None
    assert best is not None
    assert shown(slate) == "c b a"
    assert (pinned.rank_by_score, best.rank_by_score) == (3, 1)
    assert pinned.sources == (Source.POPULAR, Source.PINNED)
    assert best.sources == (Source.NEIGHBORS, Source.POPULAR)
    assert best.raw["pop"] == 2.0
    assert best.normalized["cooc"] == pytest.approx(best.raw["cooc"] / (best.raw["cooc"] + 0.02), abs=1e-5)
    assert best.weights == {"pop": 0.5, "cooc": 0.5}


def test_a_full_explanation_names_the_tags_that_are_shared() -> None:
    """What each shared tag brings adds up to the normalised likeness; what is not like the anchors shares nothing."""
    snapshot = shop("a b c x", tags={"x": "red wool", "a": "red wool new", "b": "red", "c": "blue"})
    slate = ask(snapshot, anchors=("x",), weights=Weights(pop=1, cooc=0, emb=1), explain="full")
    assert slate.explain is not None
    by_item = {item: one.detail for item, one in zip(slate.item_ids, slate.explain, strict=True) if one.detail}
    assert list(by_item["a"].overlap["emb"]) == ["wool", "red"]
    for item in "ab":
        shared = by_item[item].overlap["emb"].values()
        assert sum(shared) == pytest.approx(by_item[item].normalized["emb"], abs=1e-5)
    assert by_item["c"].overlap == {}


def test_counts_follow_the_stages() -> None:
    """What each source offered, how many there were, how many may be shown, how many are returned."""
    snapshot = shop("a b c d", together={("d", "x"): 1, ("d", "y"): 1}, gone="b")
    slate = ask(snapshot, anchors=("d",), weights=Weights(pop=1, cooc=1, emb=0), k=2)
    assert slate.counts == {
        "neighbors": 2,
        "popular": 6,
        "candidates": 6,
        "eligible": 4,
        "capped": 0,
        "widened": 0,
        "returned": 2,
        "unavailable": 1,
        "excluded": 1,
    }
