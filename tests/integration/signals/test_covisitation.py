"""Co-visitation is built from interactions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from recsys.tenancy.config import Config, SignalParams

if TYPE_CHECKING:
    from conftest import Shop


def signals(**params: int) -> Config:
    """Make a config with some signal parameters."""
    return Config(signals_everywhere=SignalParams(**params))  # type: ignore[arg-type]


def test_items_of_a_visit_meet_in_both_directions(shop: Shop) -> None:
    """Each pair is written as item and neighbour and the other way round."""
    shop.visit("a", "b")
    shop.build()
    assert shop.covisitation() == {("a", "b", 0): 1, ("b", "a", 0): 1}


def test_pairs_lie_within_the_window(shop: Shop) -> None:
    """Items further apart than `pair_window` positions did not meet."""
    shop.visit(*"abcde")
    shop.build(signals(pair_window=2))
    assert shop.pairs() == {"ab", "ac", "bc", "bd", "cd", "ce", "de"}


def test_an_item_does_not_meet_itself(shop: Shop) -> None:
    """Looking twice at an item pairs it with the others only."""
    shop.visit("a", "a", "b")
    shop.build()
    assert shop.covisitation() == {("a", "b", 0): 2, ("b", "a", 0): 2}


def test_a_pair_weighs_the_geometric_mean_of_its_events(shop: Shop) -> None:
    """A view (1) and a purchase (5) meet with weight sqrt(5)."""
    shop.event("a")
    shop.event("b", event_type="purchase")
    shop.build()
    assert shop.covisitation()["a", "b", 0] == pytest.approx(5**0.5, abs=1e-6)


@pytest.mark.parametrize(("minutes", "together"), [(30, True), (31, False)])
def test_a_long_pause_ends_a_sitting(shop: Shop, noon: datetime, minutes: int, *, together: bool) -> None:
    """A visitor who comes back after more than half an hour begins anew."""
    shop.event("a", at=noon - timedelta(minutes=minutes))
    shop.event("b", at=noon)
    shop.build()
    assert shop.pairs() == ({"ab"} if together else set())


def test_a_session_id_outlasts_a_pause(shop: Shop, noon: datetime) -> None:
    """Whoever gives session ids says himself what belongs together, up to a day."""
    shop.event("a", at=noon - timedelta(hours=24), session="s")
    shop.event("b", at=noon - timedelta(hours=23, minutes=59), session="s")
    shop.event("c", at=noon, session="s")
    shop.build()
    assert shop.pairs() == {"ab", "bc"}


def test_a_session_id_goes_before_the_visitor(shop: Shop) -> None:
    """One session of two visitors is one visit; one visitor with two sessions makes two."""
    shop.event("a", visitor="ann", session="s")
    shop.event("b", visitor="bob", session="s")
    shop.event("c", visitor="ann", session="t")
    shop.event("d", visitor="ann")
    shop.build()
    assert shop.pairs() == {"ab"}


def test_events_of_nobody_meet_nothing(shop: Shop) -> None:
    """Without session and visitor nothing says that two events belong together; popularity counts them."""
    shop.visit("a", "b", visitor=None)
    shop.build()
    assert shop.covisitation() == {}
    assert shop.popularity() == {("a", 0): 1, ("b", 0): 1}


def test_long_visits_are_cut_and_counted(shop: Shop) -> None:
    """Of a visit's day the first `session_length` events make pairs, and the account says how many did not."""
    shop.visit(*"abcde")
    built = shop.build(signals(session_length=3))
    assert shop.pairs() == {"ab", "ac", "bc"}
    assert (built.events, built.beyond_session_length) == (5, 2)


def test_a_pair_across_midnight_counts_once(shop: Shop, noon: datetime) -> None:
    """Its day is that of the later event."""
    midnight = noon.replace(hour=0)
    shop.visit("a", "b", "c", at=midnight - timedelta(minutes=2))
    shop.build()
    assert shop.covisitation() == {
        ("a", "b", 1): 1,
        ("b", "a", 1): 1,
        ("a", "c", 0): 1,
        ("c", "a", 0): 1,
        ("b", "c", 0): 1,
        ("c", "b", 0): 1,
    }


def test_equal_times_keep_the_order_of_arrival(shop: Shop, noon: datetime) -> None:
    """Events of one second stand as they came, not as their ids or items sort."""
    for item_id in "cab":
        shop.event(item_id, at=noon)
    shop.build(signals(pair_window=1))
    assert shop.pairs() == {"ac", "ab"}


def test_sessions_that_may_pause_for_days_reach_as_far(shop: Shop, noon: datetime) -> None:
    """With a gap of three days a pair reaches three days, and a late event moves the days that follow it."""
    config = signals(session_gap_minutes=3 * 24 * 60)
    shop.event("b", at=noon)
    shop.build(config)
    shop.event("a", at=noon - timedelta(days=2))
    shop.build(config)
    assert shop.covisitation() == {("a", "b", 0): 1, ("b", "a", 0): 1}
