"""What serves is held against a full load, and repaired."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from recsys import metrics
from recsys.db.pool import Database
from recsys.snapshot.dawn import SPREAD
from recsys.snapshot.load import load
from recsys.snapshot.refresh import Follower, Snapshots
from recsys.snapshot.snapshot import Snapshot
from recsys.snapshot.verify import Verifier, compared
from recsys.tenancy.config import SignalParams

if TYPE_CHECKING:
    from conftest import Clock, Seed

PARAMS = SignalParams()


@pytest.fixture
def snapshots(database: Database, seed: Seed, clock: Clock) -> Snapshots:
    """Serve three items."""
    for place, item in enumerate("abc"):
        seed.popularity(item, 5 + place, clock().date())
    snapshots = Snapshots(database, clock=clock)
    snapshots.load_once(seed.tenant_id, "home", PARAMS)
    return snapshots


def served(snapshots: Snapshots, seed: Seed) -> Snapshot:
    """Return what is in service."""
    snapshot = snapshots.current(seed.tenant_id, "home", PARAMS)
    assert snapshot is not None
    return snapshot


def count(outcome: str) -> float:
    """Read the metric."""
    return metrics.SNAPSHOT_COMPARISONS.labels(outcome)._value.get()


def corrupt(snapshots: Snapshots, seed: Seed) -> None:
    """Let what serves say that everything is ten times as popular."""
    good = served(snapshots, seed)
    assert snapshots.exchange(good, replace(good, popularity=good.popularity * 10))


def test_a_snapshot_that_was_damaged_is_repaired(
    database: Database, snapshots: Snapshots, seed: Seed, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """The difference is logged by part and item, counted, and gone after one comparison."""
    verifier = Verifier(database, snapshots, timedelta(hours=1), clock)
    corrupt(snapshots, seed)
    clock.advance(hours=1)
    before = count("different")
    assert verifier.verify_once() is None, "each namespace waits for its own moment within the first interval"
    clock.advance(hours=1)
    assert verifier.verify_once() is False
    assert count("different") == before + 1
    told = capsys.readouterr().out
    assert "popularity" in told
    assert "'a', 'b', 'c'" in told
    snapshots.refresh_once()
    assert served(snapshots, seed).popularity.tolist() == [5, 6, 7]


def test_what_triggers_do_not_see_is_found(database: Database, snapshots: Snapshots, seed: Seed, clock: Clock) -> None:
    """Rows that were written past the triggers, as a restore or a replication does, are served after a comparison."""
    seed.conn.execute("set session_replication_role = replica")
    seed.popularity("d", 1, clock().date())
    seed.conn.execute("set session_replication_role = origin")
    found = compared(database, served(snapshots, seed), snapshots.fresh(served(snapshots, seed)), clock())
    assert found is not None
    assert [(one.part, one.examples) for one in found.differences] == [("items", ("d",))]


def test_what_is_committed_meanwhile_is_no_difference(
    database: Database, snapshots: Snapshots, seed: Seed, clock: Clock
) -> None:
    """A change that was logged but is not served yet is on its way, not missing."""
    seed.popularity("a", 50, clock().date())
    found = compared(database, served(snapshots, seed), snapshots.fresh(served(snapshots, seed)), clock())
    assert found is not None
    assert found.differences == []
    assert found.loaded.popularity.tolist() == [50, 6, 7]


def test_comparing_can_be_turned_off_and_rests(
    database: Database, snapshots: Snapshots, seed: Seed, clock: Clock
) -> None:
    """Without an interval nothing is compared, and with one nothing before it is due."""
    never = Verifier(database, snapshots, timedelta(0), clock)
    clock.advance(hours=3)
    assert never.verify_once() is None
    verifier = Verifier(database, snapshots, timedelta(hours=1), clock)
    assert verifier.verify_once() is None
    clock.advance(hours=1)
    assert verifier.verify_once() is True
    assert verifier.verify_once() is None
    assert served(snapshots, seed).popularity.tolist() == [5, 6, 7]


def test_after_midnight_scores_are_those_of_a_load(
    database: Database, snapshots: Snapshots, seed: Seed, clock: Clock
) -> None:
    """Until its turn comes a namespace is amended as of yesterday; then it serves what a load of today gives."""
    follower = Follower(database, snapshots, clock=clock)
    follower.look_once()
    yesterday = clock()
    clock.now = yesterday.replace(hour=0, minute=0, second=0) + timedelta(days=1)
    seed.popularity("a", 80, yesterday.date())
    follower.look_once()
    snapshots.refresh_once()
    assert served(snapshots, seed).version == fresh(database, seed, yesterday).version
    clock.advance(seconds=SPREAD.total_seconds())
    follower.look_once()
    assert snapshots.refresh_once() == 1
    assert served(snapshots, seed).version == fresh(database, seed, clock()).version
    assert served(snapshots, seed).as_of == clock()
    follower.look_once()
    assert snapshots.refresh_once() == 0


def fresh(database: Database, seed: Seed, now: object) -> Snapshot:
    """Load everything as of *now*."""
    with database.reading() as conn:
        return load(conn, seed.tenant_id, "home", PARAMS, now=now)  # type: ignore[arg-type]
