"""Sessions reach the snapshot that weighs them, at once when it is loaded and within seconds afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from recsys.db.pool import Database
from recsys.ranking.query import NOBODY, Query
from recsys.ranking.recommend import recommend
from recsys.rules.live import NO_RULES
from recsys.snapshot.refresh import Follower, Snapshots
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import Config, parse_config

NOW = datetime.now(UTC).replace(microsecond=0)
WEIGHED = parse_config(
    b'{"weights": {"pop": 0, "cooc": 0, "emb": 0, "session": 1}, "surfaces": {"shop": {"namespace": "home"}}}'
)


@pytest.fixture
def tenant_id(operator: psycopg.Connection) -> UUID:
    """Make a tenant with five popular items."""
    row = operator.execute("insert into tenants (external_id, name) values ('a', 'A') returning id").fetchone()
    assert row
    operator.execute(
        "insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)"
        " select %s, 'home', 'item-' || n, %s, n from generate_series(1, 5) as n",
        (row[0], NOW.date()),
    )
    return row[0]


def visit(operator: psycopg.Connection, tenant_id: UUID, session: str, *items: str, surface: str = "shop") -> None:
    """Store what a session did in the last minutes, oldest first."""
    for place, item_id in enumerate(items):
        at = NOW - timedelta(seconds=60 - place)
        operator.execute(
            "insert into interaction_events"
            " (event_id, tenant_id, occurred_at, seq, session_id, surface, event_type, item_id)"
            " values (%s, %s, %s, %s, %s, %s, 'view', %s)",
            (f"{session}-{place}", tenant_id, at, place, session, surface, item_id),
        )


def shown(snapshot: Snapshot, anchor: str, config: Config = WEIGHED) -> list[str]:
    """Return the items that the session signal speaks for."""
    query = Query(surface="shop", namespace="home", k=5, anchors=(anchor,), include_reasons=True)
    slate = recommend(query, NOBODY, snapshot, config.request("shop"), NO_RULES, now=NOW)
    reasons = zip(slate.item_ids, slate.reasons or (), strict=True)
    return [item_id for item_id, words in reasons if "session_neighbors" in words]


def test_sessions_are_loaded_where_a_config_weighs_them(
    operator: psycopg.Connection, database: Database, tenant_id: UUID
) -> None:
    """With a weight the namespace's sessions answer, of all surfaces that feed it; without one nothing is read."""
    visit(operator, tenant_id, "s", "item-1", "item-2")
    visit(operator, tenant_id, "other", "item-1", "item-3", surface="elsewhere")
    snapshots = Snapshots(database, clock=lambda: NOW)
    assert shown(snapshots.load_once(tenant_id, "home", WEIGHED.signals("home")), "item-1") == ["item-2"]
    plain = Snapshots(database, clock=lambda: NOW).load_once(tenant_id, "home", Config().signals("home"))
    assert plain.sessions == ()


def test_new_interactions_are_brought_in_without_a_load(
    operator: psycopg.Connection, database: Database, tenant_id: UUID
) -> None:
    """A session that came after the load answers after the next look, under a new version; another finds nothing."""
    snapshots = Snapshots(database, clock=lambda: NOW)
    params = WEIGHED.signals("home")
    before = snapshots.load_once(tenant_id, "home", params)
    follower = Follower(database, snapshots, clock=lambda: NOW)
    assert shown(before, "item-4") == []
    visit(operator, tenant_id, "s", "item-4", "item-5")
    assert follower.extend_once() == 1
    after = snapshots.current(tenant_id, "home", params)
    assert after is not None
    assert shown(after, "item-4") == ["item-5"]
    assert after.version != before.version
    assert after.neighbors is before.neighbors
    assert follower.extend_once() == 0


def test_a_look_does_not_replace_a_newer_snapshot(
    operator: psycopg.Connection, database: Database, tenant_id: UUID
) -> None:
    """What was loaded while the look ran stays in service."""
    snapshots = Snapshots(database, clock=lambda: NOW)
    params = WEIGHED.signals("home")
    old = snapshots.load_once(tenant_id, "home", params)
    visit(operator, tenant_id, "s", "item-4", "item-5")
    operator.execute("truncate item_tags")
    snapshots.mark(tenant_id, "home")
    snapshots.refresh_once()
    newer = snapshots.current(tenant_id, "home", params)
    assert snapshots.exchange(old, old) is False
    assert snapshots.current(tenant_id, "home", params) is newer


def test_sessions_follow_the_numbers_of_items(
    operator: psycopg.Connection, database: Database, tenant_id: UUID
) -> None:
    """When a new item moves the numbers of others, remembered sessions still hold the items that they held."""
    snapshots = Snapshots(database, clock=lambda: NOW)
    params = WEIGHED.signals("home")
    visit(operator, tenant_id, "s", "item-2", "item-4")
    before = snapshots.load_once(tenant_id, "home", params)
    visit(operator, tenant_id, "t", "item-2", "item-5")
    operator.execute(
        "insert into item_popularity_daily (tenant_id, namespace, item_id, day, score) values (%s, 'home', 'a', %s, 9)",
        (tenant_id, NOW.date()),
    )
    snapshots.mark(tenant_id, "home")
    snapshots.refresh_once()
    after = snapshots.current(tenant_id, "home", params)
    assert after is not None
    assert after.items.ids[0] == "a"
    assert (shown(before, "item-2"), sorted(shown(after, "item-2"))) == (["item-4"], ["item-4", "item-5"])
