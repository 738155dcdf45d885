"""Popularity is built from interactions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from recsys.tenancy.config import Config, RequestParams, SignalParams

if TYPE_CHECKING:
    from conftest import Shop


@pytest.mark.parametrize(
    ("event_type", "score"),
    [("view", 1), ("click", 1), ("add_to_cart", 3), ("purchase", 5), ("rating", 1), ("zoom", 1)],
)
def test_an_event_counts_its_weight(shop: Shop, event_type: str, score: float) -> None:
    """Known types have their weights; a rating and a tenant's own type count 1."""
    shop.event("a", event_type=event_type)
    shop.event("a", event_type="view")
    shop.build()
    assert shop.popularity() == {("a", 0): score + 1}


def test_what_was_only_shown_is_no_evidence(shop: Shop) -> None:
    """An impression makes nothing popular and brings nothing together: a system must not learn from itself."""
    shop.event("a", event_type="impression")
    shop.visit("b", "c", event_type="impression")
    shop.build()
    assert shop.popularity() == {}
    assert shop.covisitation() == {}


def test_config_weighs_events(shop: Shop) -> None:
    """Weights of the config replace the defaults, fractions too."""
    config = Config(signals_everywhere=SignalParams(event_weights={"view": 0.25, "zoom": 0.1}))
    for event_type in ("view", "zoom", "zoom", "other"):
        shop.event("a", event_type=event_type)
    shop.build(config)
    assert shop.popularity() == {("a", 0): 1.45}


def test_days_are_those_of_utc(shop: Shop, noon: datetime) -> None:
    """An event a second before midnight UTC counts on that day, wherever server and session think they are."""
    midnight = noon.replace(hour=0)
    shop.event("a", at=midnight)
    shop.event("a", at=midnight - timedelta(seconds=1))
    shop.build()
    assert shop.popularity() == {("a", 0): 1, ("a", 1): 1}


def test_surfaces_feed_their_namespaces(shop: Shop) -> None:
    """A surface feeds the namespace that config names, else its own name; no surface feeds `default`."""
    config = Config(surfaces={"cart": RequestParams(namespace="home")})
    for item_id, surface in (("a", "home"), ("b", "cart"), ("c", "blog"), ("d", None)):
        shop.event(item_id, surface=surface)
    built = shop.build(config)
    assert set(shop.popularity("home")) == {("a", 0), ("b", 0)}
    assert set(shop.popularity("blog")) == {("c", 0)}
    assert set(shop.popularity("default")) == {("d", 0)}
    assert shop.popularity("cart") == {}
    assert shop.pairs("home") == {"ab"}, "a visit goes on from one surface to another"
    assert built.namespaces == {"home", "blog", "default"}


def test_deleted_items_are_no_evidence(shop: Shop) -> None:
    """A deleted item is in no table, and the items around it in a visit are neighbours; put again, it counts."""
    config = Config(signals_everywhere=SignalParams(pair_window=1))
    shop.conn.execute(
        "insert into item_tags (tenant_id, namespace, item_id, available, deleted_at)"
        " values (%s, 'home', 'b', false, now())",
        (shop.tenant_id,),
    )
    shop.visit("a", "b", "c")
    shop.build(config)
    assert set(shop.popularity()) == {("a", 0), ("c", 0)}
    assert shop.pairs() == {"ac"}
    shop.conn.execute("update item_tags set available = true")
    shop.event("a", visitor=None)
    shop.build(config)
    assert set(shop.popularity()) == {("a", 0), ("b", 0), ("c", 0)}
    assert shop.pairs() == {"ab", "bc"}
