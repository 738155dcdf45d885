"""Who does more on one day than a person does is left out and counted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from recsys.signals.build import touch
from recsys.signals.scope import CutOff
from recsys.signals.status import bots
from recsys.tenancy.config import Config, SignalParams

if TYPE_CHECKING:
    from conftest import Shop

TEN = Config(signals_everywhere=SignalParams(bot_events_per_day=10))


def many(shop: Shop, events: int, at: datetime, **who: str | None) -> None:
    """Let somebody look at item after item, a second apart."""
    for number in range(events):
        shop.event(f"m{number % 3}", at=at + timedelta(seconds=number), **who)  # type: ignore[arg-type]


def test_a_visitor_with_too_many_events_is_left_out(shop: Shop) -> None:
    """Nothing that a bot did that day counts, though each event had its own session; ten events are a person's."""
    for number in range(11):
        shop.event("bot", visitor="bot", session=f"s{number}")
    shop.visit(*"abcdefghij", visitor="ann")
    built = shop.build(TEN)
    assert built.cut_off == CutOff(visits=1, events=11)
    assert built.events == 10
    assert shop.popularity() == {(item, 0): 1 for item in "abcdefghij"}


def test_a_session_with_too_many_events_is_left_out(shop: Shop, noon: datetime) -> None:
    """Without a visitor the session is who it was; events that name nobody are nobody's bot."""
    many(shop, 11, noon, visitor=None, session="s")
    many(shop, 12, noon, visitor=None, session=None)
    built = shop.build(TEN)
    assert built.cut_off == CutOff(visits=1, events=11)
    assert shop.popularity() == {("m0", 0): 4, ("m1", 0): 4, ("m2", 0): 4}
    assert shop.covisitation() == {}


def test_a_bot_of_yesterday_makes_no_pair_today(shop: Shop, noon: datetime) -> None:
    """Each day is judged by itself: what was left out yesterday makes no pair with what counts today."""
    midnight = noon.replace(hour=0)
    many(shop, 11, midnight - timedelta(minutes=2), visitor="ann")
    shop.event("today", at=midnight + timedelta(minutes=1), visitor="ann")
    shop.build(TEN)
    assert shop.popularity() == {("today", 0): 1}
    assert shop.covisitation() == {}


def test_status_says_who_was_left_out(shop: Shop, noon: datetime) -> None:
    """The count is kept by day, and forgotten when the day is built without a bot."""
    many(shop, 11, noon, visitor="bot")
    many(shop, 12, noon - timedelta(days=1), visitor="bot")
    shop.build(TEN)
    assert [tuple(row) for row in bots(shop.conn, shop.tenant_id)] == [("home", 2, 2, 23, noon.date())]
    touch(shop.database, shop.tenant_id, noon.date() - timedelta(days=1), noon.date())
    shop.build()
    assert bots(shop.conn, shop.tenant_id) == []
    assert shop.popularity()["m0", 0] == 4


def test_nobody_is_a_bot_where_that_is_off(shop: Shop, noon: datetime) -> None:
    """`bots.events_per_day: null` counts everything."""
    many(shop, 15, noon, visitor="ann")
    assert shop.build(Config(signals_everywhere=SignalParams(bot_events_per_day=None))).events == 15
