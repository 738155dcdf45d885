"""What a host serves can be compared by another process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recsys.cli import verifying
from recsys.cli.verifying import verdicts
from recsys.db.pool import Database
from recsys.errors import OperatorError
from recsys.settings import Settings
from recsys.snapshot import served
from recsys.snapshot.refresh import Follower, Snapshots
from recsys.tenancy.config import DEFAULTS
from recsys.tenancy.directory import TenantView, load_view

if TYPE_CHECKING:
    from conftest import Seed

PARAMS = DEFAULTS.signals("home")


@pytest.fixture
def view(database: Database, seed: Seed) -> TenantView:
    """Have three popular items."""
    for item in "abc":
        seed.popularity(item, 3, "today")
    with database.system() as conn:
        return load_view(conn, str(seed.tenant_id))


@pytest.fixture
def process(database: Database, view: TenantView, settings: Settings) -> Follower:
    """Serve them; no thread runs."""
    snapshots = Snapshots(database)
    snapshots.load_once(view.tenant.id, "home", PARAMS)
    return looked(Follower(database, snapshots, served=settings.served_dir), snapshots)


def looked(follower: Follower, snapshots: Snapshots) -> Follower:
    """Notice everything, and say what is served."""
    follower.look_once()
    snapshots.refresh_once()
    follower.look_once()
    return follower


def test_what_is_served_is_what_a_load_gives(
    database: Database, view: TenantView, process: Follower, settings: Settings
) -> None:
    """Two processes that serve what the database holds are one verdict."""
    del process
    snapshots = Snapshots(database)
    snapshots.load_once(view.tenant.id, "home", PARAMS)
    looked(Follower(database, snapshots, served=settings.served_dir), snapshots)
    [found] = verdicts(database, view, settings.served_dir)
    assert (found.namespace, found.processes, found.same) == ("home", 2, True)
    assert found.served == found.loaded


def test_what_triggers_do_not_see_is_a_difference(
    database: Database,
    view: TenantView,
    process: Follower,
    settings: Settings,
    seed: Seed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A row that was written past the triggers is not served, and the verdict says so."""
    del process
    monkeypatch.setattr(verifying, "PATIENCE_SECONDS", 0)
    past_the_triggers(seed)
    [found] = verdicts(database, view, settings.served_dir)
    assert not found.same


def past_the_triggers(seed: Seed) -> None:
    """Write a row as a restore does."""
    seed.conn.execute("set session_replication_role = replica")
    seed.popularity("d", 1, "today")
    seed.conn.execute("set session_replication_role = origin")


def test_without_a_service_there_is_nothing_to_compare(database: Database, view: TenantView, tmp_path: Path) -> None:
    """Nothing served is an error with its remedy, not a clean bill."""
    with pytest.raises(OperatorError, match="after a first request"):
        verdicts(database, view, tmp_path)


def test_a_process_that_is_gone_is_forgotten(process: Follower, settings: Settings) -> None:
    """A file that nobody touches any more is removed; one whose process ends is removed by it."""
    [path] = settings.served_dir.iterdir()
    long_ago = time.time() - served.ALIVE_SECONDS - 1
    os.utime(path, (long_ago, long_ago))
    assert served.read(settings.served_dir) == []
    assert not path.exists()
    with process:
        pass
    assert list(settings.served_dir.iterdir()) == []


@pytest.fixture
def status(settings: Settings) -> Callable[[], subprocess.CompletedProcess[str]]:
    """Run `recsys signals status --verify --json`."""
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RECSYS_")},
        "DATABASE_URL": str(settings.database_url),
        "RECSYS_DATA_DIR": str(settings.data_dir),
    }
    command = [sys.executable, "-m", "recsys", "signals", "status", "--tenant", "acme", "--verify", "--json"]
    return lambda: subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def test_the_command_exits_3_on_a_difference(
    process: Follower, status: Callable[[], subprocess.CompletedProcess[str]], seed: Seed
) -> None:
    """Fine is 0; a difference that stays is 3, named on stderr, with the versions on stdout."""
    with process:
        done = status()
        assert done.returncode == 0, done.stderr
        assert [one["same"] for one in json.loads(done.stdout)] == [True]
        past_the_triggers(seed)
        done = status()
        assert done.returncode == 3, done.stderr
        assert "home" in done.stderr
        assert [one["same"] for one in json.loads(done.stdout)] == [False]
