"""What plain SQL changes is read by itself, and what is served is what a load would give."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import pytest

from recsys.db.pool import Database
from recsys.snapshot import source as module
from recsys.snapshot.load import load
from recsys.snapshot.refresh import Follower, Snapshots
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import SignalParams

if TYPE_CHECKING:
    from conftest import Clock, Seed

PARAMS = SignalParams()

CHANGES = {
    "a score": "update item_popularity_daily set score = score + 3 where item_id = 'item-03'",
    "the highest score": "update item_popularity_daily set score = 5000 where item_id = 'item-07'",
    "a day more": "insert into item_popularity_daily values (:home, 'item-04', current_date - 5, 8)",
    "scores deleted": "delete from item_popularity_daily where item_id in ('item-05', 'item-06')",
    "a new item in the middle": "insert into item_popularity_daily values (:home, 'item-035', current_date, 2)",
    "a day beyond the window": "insert into item_popularity_daily values (:home, 'old', current_date - 400, 2)",
    "other tags": "update item_tags set tags = '{red,\"wei rd\",rare}' where item_id = 'item-02'",
    "no tags": "update item_tags set tags = '{}' where item_id = 'item-09'",
    "a tag that nobody has any more": "update item_tags set tags = array_remove(tags, 'rare')",
    "out of stock": "update item_tags set available = false where item_id in ('item-01', 'item-08')",
    "back in stock": "update item_tags set available = true where item_id = 'item-01'",
    "a tags row deleted": "delete from item_tags where item_id = 'item-11'",
    "more meetings": "update item_covisit_daily set score = score * 3 where item_id = 'item-02'",
    "a meeting with a stranger": "insert into item_covisit_daily values (:home, 'item-02', 'zz', current_date, 4)",
    "a meeting with nothing": "insert into item_covisit_daily values (:home, 'item-02', 'yy', current_date, 0)",
    "the stranger has a name": "insert into item_tags (tenant_id, namespace, item_id) values (:home, 'zz')",
    "nobody met nothing": "delete from item_covisit_daily where neighbor_id in ('yy', 'item-04')",
    "meetings of a day gone by": "delete from item_covisit_daily where day < current_date",
    "deleted over HTTP": "update item_tags set available = false, deleted_at = now() where item_id = 'item-10'",
    "rows of a deleted item": "update item_covisit_daily set score = 9 where item_id in ('item-10', 'item-03')",
    "all of it, item by item": "delete from item_covisit_daily",
}
"""One statement after the other, as an operator writes them."""


@pytest.fixture
def shop(seed: Seed) -> UUID:
    """Fill twelve items with rows of every kind."""
    seed.conn.execute(
        """
        insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)
        select %(tenant)s, 'home', 'item-' || lpad(n::text, 2, '0'), current_date - k, 1 + (n * 7 + k) %% 5
        from generate_series(1, 12) as n, generate_series(0, 2) as k
        """,
        {"tenant": seed.tenant_id},
    )
    seed.conn.execute(
        """
        insert into item_tags (tenant_id, namespace, item_id, tags)
        select %(tenant)s, 'home', 'item-' || lpad(n::text, 2, '0'), array['red', 'brand:' || n %% 4]
        from generate_series(1, 12) as n
        """,
        {"tenant": seed.tenant_id},
    )
    seed.conn.execute(
        """
        insert into item_covisit_daily (tenant_id, namespace, item_id, neighbor_id, day, score)
        select %(tenant)s, 'home', 'item-' || lpad(n::text, 2, '0'), 'item-' || lpad(m::text, 2, '0'),
            current_date - (n + m) %% 3, 1 + n * m %% 4
        from generate_series(1, 12) as n, generate_series(1, 12) as m
        where n <> m and (n * m) %% 3 > 0
        """,
        {"tenant": seed.tenant_id},
    )
    return seed.tenant_id


@pytest.fixture
def snapshots(database: Database, clock: Clock) -> Snapshots:
    """Hold nothing yet."""
    return Snapshots(database, clock=clock)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note every load."""
    noted: list[str] = []

    def noting(*args: object, **kwargs: object) -> object:
        noted.append(str(args[2]))
        return load(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "load", noting)
    return noted


def fresh(database: Database, tenant: UUID, clock: Clock) -> Snapshot:
    """Load everything."""
    with database.reading() as conn:
        return load(conn, tenant, "home", PARAMS, now=clock())


def of_tenant(statement: str, tenant: UUID) -> str:
    """Name the tenant, and its namespace."""
    return statement.replace(":home", f"'{tenant}', 'home'").replace(":tenant", f"'{tenant}'")


def same(served: Snapshot | None, loaded: Snapshot) -> bool:
    """Compare all that ranking reads (the version digests it), and all that the next amendment starts from."""
    assert served is not None
    assert served.raw is not None
    assert loaded.raw is not None
    assert served.raw.gone.ids == loaded.raw.gone.ids
    np.testing.assert_array_equal(served.raw.strangers, loaded.raw.strangers)
    np.testing.assert_array_equal(served.raw.pairs.indptr, loaded.raw.pairs.indptr)
    np.testing.assert_array_equal(served.raw.pairs.indices, loaded.raw.pairs.indices)
    np.testing.assert_array_equal(served.raw.pairs.values, loaded.raw.pairs.values)
    return served.version == loaded.version


def test_every_kind_of_change_is_served_as_a_load_would(
    shop: UUID, snapshots: Snapshots, database: Database, seed: Seed, clock: Clock, loads: list[str]
) -> None:
    """After each statement what is amended is what a load gives; nothing was loaded but once, at the start."""
    snapshots.load_once(shop, "home", PARAMS)
    follower = Follower(database, snapshots, clock=clock)
    follower.look_once()
    snapshots.refresh_once()
    for name, statement in CHANGES.items():
        done = seed.conn.execute(of_tenant(statement, shop))
        assert done.rowcount > 0, name
        follower.look_once()
        assert snapshots.refresh_once() == 1, name
        assert same(snapshots.current(shop, "home", PARAMS), fresh(database, shop, clock)), name
        assert snapshots.stale_since(shop, "home") is None
    assert loads == ["home"]


@pytest.mark.parametrize(
    "statement",
    [
        "truncate item_covisit_daily",
        "insert into signal_changes (tenant_id, signal) values (:tenant, 'tags')",
        "insert into item_popularity_daily select :home, n, current_date, 1 from generate_series(0, 5000) as n",
        "update item_tags set available = true where item_id = 'item-12'",
    ],
    ids=["truncated", "asked for", "a bulk", "a deleted item is back"],
)
def test_what_can_not_be_amended_is_loaded(
    shop: UUID,
    snapshots: Snapshots,
    database: Database,
    seed: Seed,
    clock: Clock,
    loads: list[str],
    statement: str,
) -> None:
    """Where the log names no items or too many, or a deleted one is back, everything is read anew."""
    seed.conn.execute("update item_tags set available = false, deleted_at = now() where item_id = 'item-12'")
    snapshots.load_once(shop, "home", PARAMS)
    follower = Follower(database, snapshots, clock=clock)
    follower.look_once()
    snapshots.refresh_once()
    seed.conn.execute(of_tenant(statement, shop))
    follower.look_once()
    snapshots.refresh_once()
    assert same(snapshots.current(shop, "home", PARAMS), fresh(database, shop, clock))
    assert len(loads) == 2


def test_what_other_namespaces_change_is_not_read(shop: UUID, snapshots: Snapshots, seed: Seed, clock: Clock) -> None:
    """A namespace whose rows did not change keeps its very snapshot, even when it is marked."""
    before = snapshots.load_once(shop, "home", PARAMS)
    seed.popularity("item-01", 50, clock().date(), namespace="other")
    seed.of(UUID(int=5)).popularity("item-01", 50, clock().date())
    snapshots.mark(shop, "home")
    assert snapshots.refresh_once() == 1
    assert snapshots.current(shop, "home", PARAMS) is before
