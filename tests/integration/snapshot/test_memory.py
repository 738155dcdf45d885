"""Snapshots keep to their memory: what was not asked for the longest is let go, and nobody notices."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from recsys.db.pool import Database
from recsys.rules.compile import Compiler
from recsys.rules.parse import parse_rules
from recsys.snapshot import eviction
from recsys.snapshot.footprint import footprint
from recsys.snapshot.refresh import Follower, Snapshots
from recsys.tenancy.config import SignalParams

if TYPE_CHECKING:
    from conftest import Clock, Seed

PARAMS = SignalParams()
NAMES = [f"shop-{number}" for number in range(6)]


@pytest.fixture
def size(database: Database, seed: Seed, clock: Clock) -> int:
    """Fill six namespaces alike; return the bytes of one snapshot."""
    for name in NAMES:
        for item in range(50):
            seed.popularity(f"item {item}", 1, clock().date(), namespace=name)
    return footprint(Snapshots(database, clock=clock).load_once(seed.tenant_id, NAMES[0], PARAMS))


def test_the_least_recently_asked_for_is_let_go_and_loaded_anew(
    database: Database, seed: Seed, clock: Clock, size: int
) -> None:
    """With room for three, the one asked for the longest ago makes room, and comes back when it is asked for."""
    snapshots = Snapshots(database, memory=int(3.5 * size), clock=clock)
    for name in NAMES[:3]:
        snapshots.load_once(seed.tenant_id, name, PARAMS)
    assert snapshots.current(seed.tenant_id, NAMES[0], PARAMS) is not None
    snapshots.load_once(seed.tenant_id, NAMES[3], PARAMS)
    assert snapshots.bytes <= 3.5 * size
    assert snapshots.current(seed.tenant_id, NAMES[1], PARAMS) is None
    assert snapshots.current(seed.tenant_id, NAMES[0], PARAMS) is not None
    assert len(snapshots.load_once(seed.tenant_id, NAMES[1], PARAMS).items) == 50


def test_what_was_let_go_is_freed_though_rules_were_compiled_against_it(
    database: Database, seed: Seed, clock: Clock, size: int
) -> None:
    """A request that still ranks with it keeps it; nothing else does."""
    snapshots = Snapshots(database, memory=size, clock=clock)
    compiler = Compiler(parse_rules(b'[{"action": "pin", "target_type": "item", "item_ids": ["item 1"]}]'))
    snapshot = snapshots.load_once(seed.tenant_id, NAMES[0], PARAMS)
    live = compiler.against(snapshot).live("home", "default", clock())
    left = weakref.ref(snapshot)
    snapshots.load_once(seed.tenant_id, NAMES[1], PARAMS)
    gc.collect()
    assert left() is snapshot
    del snapshot
    gc.collect()
    assert left() is None
    assert len(live.pins) == 1


def test_threads_that_ask_for_more_than_fits_are_all_answered(
    database: Database, seed: Seed, clock: Clock, size: int
) -> None:
    """Six namespaces with room for two, asked for by four threads while changes are followed: every answer is right."""
    snapshots = Snapshots(database, memory=2 * size, clock=clock)

    def ask(number: int) -> int:
        name = NAMES[number * 5 % 6]
        found = snapshots.current(seed.tenant_id, name, PARAMS) or snapshots.load_once(seed.tenant_id, name, PARAMS)
        assert found.namespace == name
        return len(found.items)

    with Follower(database, snapshots, clock=clock), ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, range(120))) == {50}
    assert snapshots.bytes <= 2 * size


def test_a_namespace_without_rows_is_remembered_and_corrected(
    database: Database, seed: Seed, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names that clients invent stay few; one that gets rows is served with them."""
    monkeypatch.setattr(eviction, "EMPTY_MAX", 10)
    snapshots = Snapshots(database, clock=clock)
    follower = Follower(database, snapshots, clock=clock)
    for number in range(30):
        assert len(snapshots.load_once(seed.tenant_id, f"invented {number}", PARAMS).items) == 0
    assert len(snapshots.states()) <= 10
    follower.look_once()
    snapshots.refresh_once()
    seed.popularity("a", 1, clock().date(), namespace="invented 29")
    follower.look_once()
    snapshots.refresh_once()
    found = snapshots.current(seed.tenant_id, "invented 29", PARAMS)
    assert found is not None
    assert found.items.ids == ("a",)
