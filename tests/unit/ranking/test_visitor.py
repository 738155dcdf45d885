"""What a visitor's history and the named anchors do to a list."""

from datetime import timedelta

import numpy as np
import pytest
from tests.unit.ranking.shop import NOW, ask, codes, shop, shown

from recsys.ranking.anchors import anchors
from recsys.ranking.personalization import profile
from recsys.ranking.plan import plan
from recsys.ranking.query import Event, Query, Visitor
from recsys.tenancy.config import Anchors, Exclusions, Personalization, RequestParams, Weights

SHOP = shop("a b c d e f", tags={"a": "red", "b": "blue", "c": "red", "d": "blue", "e": "blue", "f": "red"})
HALF = RequestParams(anchors=Anchors(decay=0.5))


def did(*events: tuple[str, str, float]) -> Visitor:
    """Make a history from (item, type, days ago), newest first."""
    return Visitor(tuple(Event(item, kind, NOW - timedelta(days=days)) for item, kind, days in events))


def asking(*anchor_ids: str) -> Query:
    """Ask with these anchors."""
    return Query(surface="home", namespace="home", anchors=anchor_ids)


def weighed(query: Query, visitor: Visitor, params: RequestParams = HALF) -> dict[str, float]:
    """Return the weight of each anchor by its id."""
    found = anchors(query, visitor, SHOP, plan(SHOP, params, 20))
    return {SHOP.items.ids[number]: weight for number, weight in zip(found.numbers, found.weights, strict=True)}


def test_anchors_of_the_request_decay_in_their_order() -> None:
    """Anchor j weighs decay^j; what is unknown takes no place, what is named twice counts where it is first."""
    assert weighed(asking("b", "x", "a", "b"), did()) == pytest.approx({"b": 2 / 3, "a": 1 / 3})


def test_history_serves_where_the_request_names_no_known_anchor() -> None:
    """The request's anchors win; without one that is known the visitor's own items take over."""
    seen = did(("c", "view", 0))
    assert set(weighed(asking("a"), seen)) == {"a"}
    assert set(weighed(asking("x"), seen)) == {"c"}


def test_anchors_of_the_history_weigh_by_event_type() -> None:
    """A purchase weighs five views, an impression nothing, and an item counts once, at its newest event."""
    history = did(("a", "impression", 0), ("b", "view", 1), ("c", "view", 2), ("b", "purchase", 3))
    assert weighed(asking(), history) == pytest.approx({"b": 5 / 5.5, "c": 0.5 / 5.5})
    assert weighed(asking(), Visitor(history.history[::-1])) == pytest.approx({"b": 5 / 5.5, "c": 0.5 / 5.5})


def test_no_more_of_the_history_than_config_says() -> None:
    """Only the newest `max_history` items are anchors; more events of one item do not crowd out others."""
    history = did(("a", "view", 0), ("a", "view", 0), ("b", "view", 1), ("c", "view", 2), ("b", "purchase", 3))
    params = RequestParams(anchors=Anchors(max_history=2, decay=1))
    assert weighed(asking(), history, params) == pytest.approx({"a": 1 / 6, "b": 5 / 6})


def test_unknown_anchors_are_a_warning() -> None:
    """The number of anchors that the catalogue does not hold is said."""
    slate = ask(SHOP, anchors=("a", "x", "y"))
    assert [one.detail for one in slate.warnings if one.code == "ANCHOR_UNKNOWN"] == [
        "2 of 3 anchors are not in the catalogue."
    ]


def test_a_profile_lifts_items_with_the_tags_of_the_history() -> None:
    """Who looked at red things sees red things earlier than others do."""
    params = RequestParams(weights=Weights(pop=1, cooc=0, emb=0), personalization=Personalization(weight=0.8))
    assert shown(ask(SHOP, params, k=6)) == "a b c d e f"
    assert shown(ask(SHOP, params, visitor=did(*[("c", "view", 0)] * 20), k=6)) == "a c f b d e"


def test_a_profile_counts_little_until_much_is_known() -> None:
    """After h interactions the share is weight * h / (h + damping)."""
    params = Personalization(weight=0.5, damping=3)
    shares = [profile(did(*[("a", "view", 1)] * h), SHOP, params, NOW) for h in (1, 3, 9)]
    assert [round(one.share, 6) if one else None for one in shares] == [0.125, 0.25, 0.375]


def test_old_interactions_count_less_in_the_profile() -> None:
    """After one half-life an interaction weighs half as much as a new one; without a half-life all weigh the same."""
    visitor = did(("a", "view", 0), ("b", "view", 30))
    red, blue = SHOP.tags.number("red"), SHOP.tags.number("blue")

    def ratio(half_life: float | None) -> float:
        known = profile(visitor, SHOP, Personalization(half_life=half_life), NOW)
        assert known is not None
        masses = dict(zip(known.taste.tags.tolist(), known.taste.masses.tolist(), strict=True))
        return masses[blue] / masses[red]

    assert ratio(30.0) == pytest.approx(0.5)
    assert ratio(None) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("visitor", "params"),
    [
        (did(), Personalization()),
        (did(("x", "view", 0)), Personalization()),
        (did(("a", "view", 0)), Personalization(weight=0)),
        (did(("a", "impression", 0)), Personalization()),
    ],
)
def test_there_is_no_profile_without_known_interactions_or_weight(visitor: Visitor, params: Personalization) -> None:
    """Nobody, unknown items, a weight of 0, mere impressions: the list is not personalised."""
    assert profile(visitor, SHOP, params, NOW) is None


def test_a_share_never_reaches_beyond_the_score() -> None:
    """All of the score may be the profile's, and the score stays in 0..1."""
    params = RequestParams(personalization=Personalization(weight=1, damping=0))
    slate = ask(SHOP, params, visitor=did(("a", "view", 0)), explain="summary")
    assert slate.explain is not None
    assert set(slate.explain[0].signals) == {"profile"}
    assert np.max(slate.scores) <= 1


def test_history_is_shown_again_unless_a_policy_says_otherwise() -> None:
    """Groceries are bought again: without a policy the visitor's own items stay in the list."""
    assert "a" in shown(ask(SHOP, visitor=did(("a", "purchase", 0))))


def test_what_was_seen_stays_away_for_the_days_of_the_policy() -> None:
    """Any interaction but an impression counts, until its window ends."""
    history = did(("a", "view", 1), ("b", "impression", 1), ("c", "purchase", 6.9), ("d", "view", 7))
    slate = ask(SHOP, RequestParams(exclusions=Exclusions(seen_days=7)), visitor=history)
    assert set(slate.item_ids) == {"b", "d", "e", "f"}
    assert "HISTORY_FILTERED" in codes(slate)


def test_what_was_bought_stays_away_longer_than_what_was_seen() -> None:
    """Each policy has its own window."""
    history = did(("a", "view", 3), ("b", "purchase", 3))
    params = RequestParams(exclusions=Exclusions(seen_days=1, purchased_days=30))
    assert set(ask(SHOP, params, visitor=history).item_ids) == {"a", "c", "d", "e", "f"}


def test_anchors_of_the_history_may_be_shown_those_of_the_request_not() -> None:
    """Only what the request names as an anchor is taken out."""
    snapshot = shop("a b c", together={("a", "b"): 2})
    assert "a" in shown(ask(snapshot, visitor=did(("a", "view", 0))))
    assert "a" not in shown(ask(snapshot, anchors=("a",)))
