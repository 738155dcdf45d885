"""Changes are followed on a standby as on the primary."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from recsys.db.binaries import unprivileged
from recsys.db.pool import Database
from recsys.settings import Settings
from recsys.snapshot import source as module
from recsys.snapshot.refresh import Follower, Snapshots
from recsys.tenancy.config import SignalParams

if TYPE_CHECKING:
    from conftest import Clock, Seed

PARAMS = SignalParams()


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for *condition*, at most a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture
def standby(postgres: Any, settings: Settings) -> Iterator[Database]:
    """Open this test's database on a hot standby that follows the cluster."""
    folder = Path(tempfile.mkdtemp(prefix="rs-"))
    shutil.chown(folder, *owner_of(postgres.folder / "data"))
    copy = [postgres.binaries.program("pg_basebackup"), "--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
    copy += ["--pgdata", str(folder / "data"), "--dbname", postgres.conninfo()]
    server = None
    try:
        subprocess.run(unprivileged(copy), check=True, capture_output=True)
        command = [postgres.binaries.program("postgres"), "-D", str(folder / "data"), "-k", str(folder)]
        command += ["-c", "listen_addresses=", "-c", "hot_standby=on", "-c", "shared_buffers=64MB", "-c", "fsync=off"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(unprivileged(command), stdout=log, stderr=log, start_new_session=True)
        there = make_conninfo(settings.database_url or "", host=str(folder))
        until(lambda: answers(there), "the standby answers")
        with Database.open(replace(settings, database_url=there)) as database:
            yield database
    finally:
        if server is not None:
            server.terminate()
            server.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def owner_of(path: Path) -> tuple[int, int]:
    """Return who owns the files of the cluster."""
    return path.stat().st_uid, path.stat().st_gid


def answers(conninfo: str) -> bool:
    """Say whether a server takes connections."""
    try:
        psycopg.connect(conninfo).close()
    except psycopg.OperationalError:
        return False
    return True


def caught_up(standby: Database, seed: Seed) -> None:
    """Wait until the standby has replayed what was written."""
    row = seed.conn.execute("select pg_current_wal_insert_lsn()::text").fetchone()
    assert row

    def replayed() -> bool:
        with standby.system() as conn:
            query = "select pg_last_wal_replay_lsn() >= %s::pg_lsn"
            return conn.execute(query, row).fetchone() == (True,)

    until(replayed, "the standby has caught up")


def test_a_standby_misses_no_transaction_that_was_open(
    standby: Database, seed: Seed, clock: Clock, operator: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What began before a load and was committed after it is served, by rows and not by a load."""
    seed.popularity("a", 1, clock().date())
    with psycopg.connect(operator.info.dsn) as open_one:
        open_one.execute(
            "insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)"
            " values (%s, 'home', 'late', %s, 7)",
            (seed.tenant_id, clock().date()),
        )
        seed.popularity("b", 2, clock().date())
        caught_up(standby, seed)
        snapshots = Snapshots(standby, clock=clock)
        assert snapshots.load_once(seed.tenant_id, "home", PARAMS).items.ids == ("a", "b")
        monkeypatch.setattr(module, "load", None)
        follower = Follower(standby, snapshots, clock=clock)
        follower.look_once()
        snapshots.refresh_once()
    seed.popularity("c", 3, clock().date())
    caught_up(standby, seed)
    follower.look_once()
    assert snapshots.refresh_once() == 1
    served = snapshots.current(seed.tenant_id, "home", PARAMS)
    assert served is not None
    assert served.items.ids == ("a", "b", "c", "late")
