"""Snapshots are loaded once, kept fresh, and outlive what goes wrong."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest

from recsys.db.pool import Database
from recsys.errors import RecsysError
from recsys.precedence import NICENESS
from recsys.snapshot import source as module
from recsys.snapshot.refresh import Follower, Snapshots
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import SignalParams
from recsys.tenancy.directory import Directory

if TYPE_CHECKING:
    from conftest import Clock, Seed

PARAMS = SignalParams()


@pytest.fixture
def snapshots(database: Database, clock: Clock) -> Snapshots:
    """Hold nothing yet."""
    return Snapshots(database, clock=clock)


@pytest.fixture
def follower(database: Database, snapshots: Snapshots, clock: Clock) -> Follower:
    """Have looked once; no thread runs."""
    follower = Follower(database, snapshots, Directory(database), clock=clock)
    follower.look_once()
    return follower


class Loads:
    """Counts loads, and does something in each before it reads. Nothing is amended: every change is a load."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.before: Callable[[], object] = lambda: None
        real = module.load

        def load(conn: psycopg.Connection, *args: Any, **kwargs: Any) -> Snapshot:
            self.count += 1
            snapshot = real(conn, *args, **kwargs)
            self.before()
            return snapshot

        monkeypatch.setattr(module, "load", load)
        monkeypatch.setattr(module, "renewed", lambda *_: None)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Loads:
    """Count the loads."""
    return Loads(monkeypatch)


def popularity(snapshots: Snapshots, tenant: UUID, item_id: str, namespace: str = "home") -> float | None:
    """Return what is served of an item, None if it is not."""
    snapshot = snapshots.current(tenant, namespace, PARAMS)
    number = snapshot.items.number(item_id) if snapshot else None
    return float(snapshot.popularity[number]) if snapshot and number is not None else None


def until(condition: Callable[[], bool]) -> None:
    """Wait for *condition*, at most twenty seconds."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_namespace_is_loaded_once_for_all_who_wait(
    snapshots: Snapshots, loads: Loads, seed: Seed, clock: Clock
) -> None:
    """Eight requests for a namespace that is not loaded make one load, and all get its snapshot."""
    seed.popularity("a", 1, clock().date())
    go = threading.Event()
    loads.before = go.wait
    got: list[Snapshot] = []
    threads = [
        threading.Thread(target=lambda: got.append(snapshots.load_once(seed.tenant_id, "home", PARAMS)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    assert snapshots.current(seed.tenant_id, "home", PARAMS) is None
    go.set()
    for thread in threads:
        thread.join()
    assert loads.count == 1
    assert [snapshot is got[0] for snapshot in got] == [True] * 8
    assert snapshots.current(seed.tenant_id, "home", PARAMS) is got[0]


def test_a_first_load_that_fails_tells_everybody_and_is_tried_again(
    snapshots: Snapshots, loads: Loads, tenant: UUID
) -> None:
    """An error reaches the one who asked; the next request loads anew."""

    def fail() -> None:
        raise RuntimeError("no luck")

    loads.before = fail
    with pytest.raises(RuntimeError, match="no luck"):
        snapshots.load_once(tenant, "home", PARAMS)
    loads.before = lambda: None
    assert len(snapshots.load_once(tenant, "home", PARAMS).items) == 0


def test_an_operators_upsert_is_served(snapshots: Snapshots, follower: Follower, seed: Seed, clock: Clock) -> None:
    """Plain SQL changes what is served, without a restart and without a call."""
    seed.popularity("a", 1, clock().date())
    snapshots.load_once(seed.tenant_id, "home", PARAMS)
    with follower:
        seed.popularity("a", 5, clock().date())
        until(lambda: popularity(snapshots, seed.tenant_id, "a") == 5)
        seed.conn.execute("truncate item_popularity_daily")
        until(lambda: popularity(snapshots, seed.tenant_id, "a") is None)
        assert follower.looked_at is not None
        assert follower.failure is None


def test_many_changes_are_one_load(
    snapshots: Snapshots, follower: Follower, loads: Loads, seed: Seed, clock: Clock
) -> None:
    """A hundred statements between two looks make one load; namespaces that did not change are left alone."""
    for namespace in ("home", "other"):
        snapshots.load_once(seed.tenant_id, namespace, PARAMS)
    for number in range(100):
        seed.popularity(f"item {number}", 1, clock().date())
    follower.look_once()
    assert snapshots.refresh_once() == 1
    assert loads.count == 3
    assert snapshots.refresh_once() == 0


def test_a_change_during_a_load_makes_another_load(
    snapshots: Snapshots, follower: Follower, loads: Loads, seed: Seed, clock: Clock
) -> None:
    """A load that had read before a commit is followed by one that sees it."""

    def write() -> None:
        if loads.count == 1:
            seed.popularity("late", 1, clock().date())
            follower.look_once()

    loads.before = write
    snapshots.load_once(seed.tenant_id, "home", PARAMS)
    assert popularity(snapshots, seed.tenant_id, "late") is None
    assert snapshots.refresh_once() == 1
    assert popularity(snapshots, seed.tenant_id, "late") == 1


def test_a_failed_refresh_leaves_the_last_good_snapshot(
    snapshots: Snapshots, follower: Follower, seed: Seed, clock: Clock
) -> None:
    """The old snapshot serves, its age and the reason can be seen, and it is tried again after a pause."""
    seed.popularity("a", 1, clock().date())
    good = snapshots.load_once(seed.tenant_id, "home", PARAMS)
    seed.popularity("a", 2, clock().date())
    seed.conn.execute("alter table item_tags rename to gone")
    follower.look_once()
    marked = clock()
    clock.advance(minutes=1)
    assert snapshots.refresh_once() == 0
    assert snapshots.current(seed.tenant_id, "home", PARAMS) is good
    (state,) = snapshots.states()
    assert state.stale_since == marked
    assert "item_tags" in str(state.failure)
    seed.conn.execute("alter table gone rename to item_tags")
    assert snapshots.refresh_once() == 0, "it rests before it tries again"
    clock.advance(seconds=5)
    assert snapshots.refresh_once() == 1
    assert popularity(snapshots, seed.tenant_id, "a") == 2
    assert snapshots.states()[0][1:3] == (None, None)


def test_new_parameters_make_a_snapshot_beside_the_old_one(
    snapshots: Snapshots, loads: Loads, seed: Seed, clock: Clock
) -> None:
    """The old snapshot serves under its own parameters until the new one is ready."""
    seed.popularity("a", 1, clock().date())
    new = SignalParams(normalization="cosine")
    old = snapshots.load_once(seed.tenant_id, "home", PARAMS)
    assert snapshots.current(seed.tenant_id, "home", new) is old
    seen: list[Snapshot | None] = []
    loads.before = lambda: seen.append(snapshots.current(seed.tenant_id, "home", new))
    assert snapshots.refresh_once() == 1
    assert seen == [old]
    snapshot = snapshots.current(seed.tenant_id, "home", new)
    assert snapshot is not None
    assert snapshot.params == new
    assert snapshots.current(seed.tenant_id, "home", SignalParams(normalization="cosine")) is snapshot
    assert snapshots.refresh_once() == 0, "equal parameters are the same parameters"


def test_a_new_day_ages_every_score(snapshots: Snapshots, follower: Follower, seed: Seed, clock: Clock) -> None:
    """At midnight UTC snapshots are made anew, because ages count in days."""
    day = clock().date()
    params = SignalParams(popularity_half_life=1.0)
    seed.popularity("a", 8, day)
    snapshots.load_once(seed.tenant_id, "home", params)
    follower.look_once()
    snapshots.refresh_once()
    clock.advance(hours=11)
    follower.look_once()
    assert snapshots.refresh_once() == 0
    clock.advance(hours=2)
    follower.look_once()
    assert snapshots.refresh_once() == 1
    snapshot = snapshots.current(seed.tenant_id, "home", params)
    assert snapshot is not None
    assert snapshot.popularity.tolist() == [4.0]


def test_refreshing_goes_behind_answering(follower: Follower) -> None:
    """The thread that refreshes has a lower priority than the first one; the one that only looks has the same."""
    own = os.getpriority(os.PRIO_PROCESS, os.getpid())

    def priorities() -> dict[str, int]:
        threads = {one.name: one.native_id for one in threading.enumerate() if one.native_id}
        return {name: os.getpriority(os.PRIO_PROCESS, number) for name, number in threads.items()}

    with follower:
        until(lambda: priorities().get("snapshots") == own + NICENESS)
        assert priorities()["changes"] == own


def test_changed_tenants_are_read_again(database: Database, snapshots: Snapshots, seed: Seed, clock: Clock) -> None:
    """An operator who suspends a tenant with SQL is followed."""
    directory = Directory(database)
    follower = Follower(database, snapshots, directory, clock=clock)
    directory.fetch("acme")
    follower.look_once()
    seed.conn.execute("update tenants set status = 'suspended' where external_id = 'acme'")
    follower.look_once()
    view = directory.get("acme")
    assert view is not None
    assert view.tenant.status == "suspended"


def test_the_log_may_be_out_of_reach(snapshots: Snapshots, follower: Follower, seed: Seed, clock: Clock) -> None:
    """While the log can not be read, what is loaded serves and the reason is shown; afterwards nothing was missed."""
    seed.popularity("a", 1, clock().date())
    snapshots.load_once(seed.tenant_id, "home", PARAMS)
    with follower:
        seed.conn.execute("alter table signal_changes rename to gone")
        until(lambda: follower.failure is not None)
        assert popularity(snapshots, seed.tenant_id, "a") == 1
        seed.conn.execute("alter table gone rename to signal_changes")
        seed.popularity("a", 3, clock().date())

        def served() -> bool:
            clock.advance(seconds=1)  # a load that failed meanwhile rests for a while
            return popularity(snapshots, seed.tenant_id, "a") == 3

        until(served)
        until(lambda: follower.failure is None)


def test_stopping_does_not_wait_for_a_load(snapshots: Snapshots, seed: Seed, operator: psycopg.Connection) -> None:
    """A load that runs when the service stops is cancelled, and no new one begins."""
    failures: list[str] = []

    def ask() -> None:
        try:
            snapshots.load_once(seed.tenant_id, "home", PARAMS)
        except (psycopg.Error, RecsysError) as error:
            failures.append(type(error).__name__)

    with psycopg.connect(operator.info.dsn) as locker:
        locker.execute("lock table item_tags in access exclusive mode")
        thread = threading.Thread(target=ask)
        thread.start()
        waiting = "select count(*) from pg_locks where not granted"
        until(lambda: operator.execute(waiting).fetchone() == (1,))
        snapshots.close()
        thread.join(timeout=20)
    ask()
    assert failures == ["QueryCanceled", "Unavailable"]
