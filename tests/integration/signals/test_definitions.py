"""The builders' definitions on arrays, with which backtests replay the past, and those in SQL are one."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from recsys.evaluation.definitions import columns
from recsys.evaluation.sources import from_database
from recsys.snapshot.freeze import freeze
from recsys.snapshot.load import load
from recsys.tenancy.config import DEFAULTS, Config, SignalParams
from recsys.tenancy.sections import Sessions

if TYPE_CHECKING:
    from conftest import Shop

PARAMS = {
    "defaults": SignalParams(),
    "bots": SignalParams(bot_events_per_day=35),
    "short sessions": SignalParams(session_gap_minutes=7, session_length=4, pair_window=2),
    "long pauses": SignalParams(
        session_gap_minutes=3000, session_length=9, pair_window=40, event_weights={"view": 0.3}
    ),
}


@pytest.mark.parametrize("params", PARAMS.values(), ids=PARAMS.keys())
def test_arrays_and_tables_give_the_same_snapshot(shop: Shop, noon: datetime, params: SignalParams) -> None:
    """Built in SQL and loaded, or computed from the same interactions, a namespace is the same to the last bit."""
    busy(shop, noon, random.Random(7))  # noqa: S311  no secret is drawn
    config = Config(signals_everywhere=params)
    shop.build(config)
    with shop.database.reading() as conn:
        loaded = load(conn, shop.tenant_id, "home", params, now=noon)
        log = from_database(conn, shop.tenant_id, config, "home")
    computed = freeze(columns(log, params), params, tenant_id=shop.tenant_id, namespace="home", now=noon)
    assert len(loaded.items) > 10
    assert len(loaded.neighbors.indices) > 50
    assert computed.version == loaded.version


def test_arrays_and_tables_remember_the_same_sessions(shop: Shop, noon: datetime) -> None:
    """The newest sessions of a namespace are the same, in the same order, read in SQL or cut from the log."""
    params = SignalParams(sessions=Sessions(keep=30, window_days=3), session_gap_minutes=20)
    chance = random.Random(11)  # noqa: S311  no secret is drawn
    for second in chance.sample(range(5 * 86_400), 300):
        shop.event(
            f"item-{chance.randrange(14):02}",
            at=noon - timedelta(days=5) + timedelta(seconds=second),
            visitor=chance.choice(["ann", "bob", None]),
            session=chance.choice([None, f"s{second // 10_000}"]),
            event_type=chance.choice(["view", "view", "impression"]),
        )
    shop.build(Config(signals_everywhere=params))
    with shop.database.reading() as conn:
        log = from_database(conn, shop.tenant_id, DEFAULTS, "home")
        last = log.event(len(log) - 1).occurred_at
        loaded = load(conn, shop.tenant_id, "home", params, now=last)
    computed = freeze(columns(log, params), params, tenant_id=shop.tenant_id, namespace="home", now=last)
    assert 10 < len(loaded.sessions[0]) <= 30
    assert computed.version == loaded.version


def test_only_what_feeds_the_namespace_is_replayed(shop: Shop, noon: datetime) -> None:
    """Events of other surfaces, and from before the day that was asked for, are not read."""
    shop.event("mine", at=noon)
    shop.event("old", at=noon - timedelta(days=2))
    shop.event("elsewhere", at=noon, surface="cart")
    with shop.database.reading() as conn:
        log = from_database(conn, shop.tenant_id, DEFAULTS, "home", since=noon - timedelta(days=1))
    assert [log.event(place).item_id for place in range(len(log))] == ["mine"]


def busy(shop: Shop, noon: datetime, chance: random.Random) -> None:
    """Let four visitors do things on five days: with and without sessions, across midnight, many at one time."""
    for _ in range(250):
        minutes = chance.choice([chance.randrange(5 * 24 * 60), 720 + chance.randrange(40)])
        shop.event(
            f"item-{chance.randrange(14):02}",
            at=noon - timedelta(days=5) + timedelta(minutes=minutes),
            visitor=chance.choice(["ann", "bob", "eve", None]),
            session=chance.choice([None, None, "s1", "s2"]),
            event_type=chance.choice(["view", "view", "purchase", "impression", "other"]),
        )
    tags = [("item-01", ["brand:a", "new"], True), ("item-02", ["brand:a"], False), ("item-99", [], True)]
    for row in tags:
        shop.conn.execute(
            "insert into item_tags (tenant_id, namespace, item_id, tags, available) values (%s, 'home', %s, %s, %s)",
            (shop.tenant_id, *row),
        )

    shop.conn.execute(
        "insert into item_tags (tenant_id, namespace, item_id, tags, available, deleted_at)"
        " values (%s, 'home', %s, '{}', false, now())",
        (shop.tenant_id, "item-03"),
    )
