"""Snapshots on disk: loaded once a host, served after a restart, checked, replaced when they are damaged."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recsys.db.pool import Database
from recsys.errors import DatabaseUnavailable, Unavailable
from recsys.snapshot import source as module
from recsys.snapshot.refresh import Follower, Snapshots
from recsys.snapshot.shelf import Shelf
from recsys.tenancy.config import SignalParams

if TYPE_CHECKING:
    from conftest import Clock, Seed

PARAMS = SignalParams()


class Host:
    """One data folder, and processes that serve from it."""

    def __init__(self, database: Database, folder: Path, clock: Clock) -> None:
        self.database = database
        self.folder = folder
        self.clock = clock

    def process(self, database: Database | None = None) -> Snapshots:
        """Start a process that has nothing in memory."""
        return Snapshots(database or self.database, Shelf(self.folder, 2**30), clock=self.clock)

    def files(self, suffix: str = "snapshot") -> list[Path]:
        """List the files of snapshots."""
        return sorted(self.folder.glob(f"*/*.{suffix}"))


@pytest.fixture
def host(database: Database, clock: Clock, tmp_path: Path) -> Host:
    """Have an empty folder."""
    return Host(database, tmp_path / "snapshots", clock)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the namespace of every load from the database."""
    loaded: list[str] = []
    real = module.load

    def load(*args: object, **kwargs: object) -> object:
        loaded.append(str(args[2]))
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "load", load)
    return loaded


@pytest.fixture
def away() -> Iterator[Database]:
    """Name a database that nobody answers for."""
    url = "postgresql://127.0.0.1:1/nowhere"
    database = Database(url, url, prefix="recsys")
    database._pool.timeout = 0.2
    database._pool.open()
    yield database
    database.close()


def score(snapshots: Snapshots, seed: Seed, item_id: str = "a") -> float | None:
    """Return the popularity that is served of an item, None if it is not."""
    snapshot = snapshots.current(seed.tenant_id, "home", PARAMS)
    number = snapshot.items.number(item_id) if snapshot else None
    return float(snapshot.popularity[number]) if snapshot and number is not None else None


def test_a_host_loads_a_namespace_once(host: Host, seed: Seed, clock: Clock, loads: list[str]) -> None:
    """Four processes that need a namespace at once make one load; three map the file of the first."""
    seed.popularity("a", 1, clock().date())
    processes = [host.process() for _ in range(4)]
    threads = [threading.Thread(target=one.load_once, args=(seed.tenant_id, "home", PARAMS)) for one in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == ["home"]
    assert [score(one, seed) for one in processes] == [1, 1, 1, 1]
    assert all(not one.current(seed.tenant_id, "home", PARAMS).popularity.flags.owndata for one in processes)


def test_a_restart_serves_what_was_served_before(host: Host, seed: Seed, clock: Clock, loads: list[str]) -> None:
    """Nothing is loaded, and once the database was asked nothing is stale either."""
    seed.popularity("a", 1, clock().date())
    before = host.process().load_once(seed.tenant_id, "home", PARAMS)
    snapshots = host.process()
    assert snapshots.resume() == 1
    assert score(snapshots, seed) == 1
    assert snapshots.stale_since(seed.tenant_id, "home") == clock()
    Follower(host.database, snapshots, clock=clock).look_once()
    snapshots.refresh_once()
    assert snapshots.stale_since(seed.tenant_id, "home") is None
    after = snapshots.current(seed.tenant_id, "home", PARAMS)
    assert after is not None
    assert (after.version, loads) == (before.version, ["home"])


def test_a_change_while_nobody_served_is_noticed(host: Host, seed: Seed, clock: Clock, loads: list[str]) -> None:
    """A row that was written between two runs of the service is served, and nothing is loaded for it."""
    for namespace in ("home", "other"):
        seed.popularity("a", 1, clock().date(), namespace=namespace)
        host.process().load_once(seed.tenant_id, namespace, PARAMS)
    seed.popularity("a", 5, clock().date())
    snapshots = host.process()
    assert snapshots.resume() == 2
    assert score(snapshots, seed) == 1
    snapshots.refresh_once()
    assert score(snapshots, seed) == 5
    assert host.process().load_once(seed.tenant_id, "home", PARAMS).popularity.tolist() == [5]
    assert loads == ["home", "other"]


def test_a_transaction_that_was_open_when_the_file_was_made_is_noticed(
    host: Host, seed: Seed, clock: Clock, database: Database
) -> None:
    """It began before the load and committed after it: its rows are in no file."""
    with database.system() as conn:
        conn.execute(
            "insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)"
            " values (%s, 'home', 'a', %s, 7)",
            (seed.tenant_id, clock().date()),
        )
        assert len(host.process().load_once(seed.tenant_id, "home", PARAMS).items) == 0
    assert host.process().load_once(seed.tenant_id, "home", PARAMS).popularity.tolist() == [7]


def test_other_parameters_and_another_day_need_a_load(host: Host, seed: Seed, clock: Clock, loads: list[str]) -> None:
    """A file answers only for what made it."""
    seed.popularity("a", 8, clock().date())
    host.process().load_once(seed.tenant_id, "home", PARAMS)
    cosine = SignalParams(normalization="cosine")
    assert host.process().load_once(seed.tenant_id, "home", cosine).params == cosine
    clock.advance(hours=13)
    host.process().load_once(seed.tenant_id, "home", cosine)
    assert len(loads) == 3


def test_lists_go_on_without_a_database(host: Host, seed: Seed, clock: Clock, away: Database) -> None:
    """A process that starts while the database is away serves what lies on disk, and says that it is unchecked."""
    seed.popularity("a", 1, clock().date())
    host.process().load_once(seed.tenant_id, "home", PARAMS)
    snapshots = host.process(away)
    assert len(snapshots.load_once(seed.tenant_id, "home", PARAMS).items) == 1
    assert snapshots.stale_since(seed.tenant_id, "home") == clock()
    assert snapshots.refresh_once() == 0
    assert score(snapshots, seed) == 1
    with pytest.raises(DatabaseUnavailable):
        snapshots.load_once(seed.tenant_id, "never loaded", PARAMS)


def test_a_damaged_file_is_set_aside_and_loaded_anew(
    host: Host, seed: Seed, clock: Clock, loads: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A torn file and one with a flipped bit cost a load and a line in the log, and are kept for who wants to look."""
    seed.popularity("a", 1, clock().date())
    snapshot = host.process().load_once(seed.tenant_id, "home", PARAMS)
    (path,) = host.files()
    whole = path.read_bytes()
    at = whole.index(snapshot.popularity.tobytes()) + 7
    for damaged in (whole[:-10], whole[:at] + b"\x00" + whole[at + 1 :]):
        path.unlink()  # what is mapped keeps its own
        path.write_bytes(damaged)
        assert host.process().resume() == 0
        said = capsys.readouterr().out
        assert said.count("loaded anew") == 1
        assert host.process().load_once(seed.tenant_id, "home", PARAMS).popularity.tolist() == [1]
        assert host.files("aside")[0].read_bytes() == damaged
        path.unlink()
        path.write_bytes(damaged)
        assert host.process().load_once(seed.tenant_id, "home", PARAMS).popularity.tolist() == [1]
        assert capsys.readouterr().out.count("loaded anew") == 1
    assert len(loads) == 5


def test_the_folder_keeps_to_its_bound(database: Database, seed: Seed, clock: Clock, tmp_path: Path) -> None:
    """The files that were not used for the longest go, and what is served stays whole without its file."""
    day = clock().date()
    for number in range(6):
        seed.popularity("a", number + 1, day, namespace=f"n{number}")
    Snapshots(database, Shelf(tmp_path, 2**30), clock=clock).load_once(seed.tenant_id, "n0", PARAMS)
    (first,) = tmp_path.glob("*/*.snapshot")
    os.utime(first, (1, 1))
    size = first.stat().st_size
    snapshots = Snapshots(database, Shelf(tmp_path, int(4.5 * size)), clock=clock)
    for number in range(6):
        snapshots.load_once(seed.tenant_id, f"n{number}", PARAMS)
    assert len(list(tmp_path.glob("*/*.snapshot"))) <= 4
    for number in range(6):
        found = snapshots.current(seed.tenant_id, f"n{number}", PARAMS)
        assert found is not None
        assert found.popularity.tolist() == [number + 1]


def test_a_disk_that_takes_nothing_fails_no_load(
    host: Host, seed: Seed, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snapshot serves from memory, and nothing half-written stays."""
    seed.popularity("a", 1, clock().date())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert host.process().load_once(seed.tenant_id, "home", PARAMS).popularity.tolist() == [1]
    assert not host.files()
    assert not host.files("snapshot.part")


@pytest.fixture
def all_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every namespace with a row be loaded by a process of its own."""
    monkeypatch.setattr(module, "LARGE_ROWS", 1)


def loaders() -> list[int]:
    """List the loader processes that this process has started."""
    children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    pids = [int(pid) for path in children for pid in path.read_text().split()]
    return [pid for pid in pids if b"recsys.snapshot.loader" in command_line(pid)]


def command_line(pid: int) -> bytes:
    """Read how a process was started, or nothing if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def until(condition: Callable[[], list[int]]) -> list[int]:
    """Wait until *condition* gives something, at most a minute; return that."""
    deadline = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


@contextmanager
def nobody_reads(seed: Seed) -> Iterator[None]:
    """Let every load wait until the block ends."""
    with seed.conn.transaction():
        seed.conn.execute("lock table item_tags in access exclusive mode")
        yield


@pytest.mark.usefixtures("all_large")
def test_a_large_namespace_is_loaded_by_a_process_of_its_own(
    host: Host, seed: Seed, clock: Clock, loads: list[str]
) -> None:
    """Nothing is read here; what the other process wrote is mapped, and it is gone."""
    seed.popularity("a", 3, clock().date())
    found = host.process().load_once(seed.tenant_id, "home", PARAMS)
    assert (found.popularity.tolist(), found.as_of, loads) == ([3], clock(), [])
    assert loaders() == []


@pytest.mark.usefixtures("all_large")
def test_a_loader_that_is_killed_is_replaced(host: Host, seed: Seed, clock: Clock) -> None:
    """Whoever waits for the snapshot does not notice."""
    seed.popularity("a", 3, clock().date())
    snapshots = host.process()
    with ThreadPoolExecutor() as pool:
        with nobody_reads(seed):
            asking = pool.submit(snapshots.load_once, seed.tenant_id, "home", PARAMS)
            (first,) = until(loaders)
            os.kill(first, signal.SIGKILL)
            until(lambda: [pid for pid in loaders() if pid != first])
        assert asking.result(60).popularity.tolist() == [3]


@pytest.mark.usefixtures("all_large")
def test_a_loader_ends_with_the_service(host: Host, seed: Seed, clock: Clock) -> None:
    """One that is still reading is not waited for."""
    seed.popularity("a", 3, clock().date())
    snapshots = host.process()
    with ThreadPoolExecutor() as pool, nobody_reads(seed):
        asking = pool.submit(snapshots.load_once, seed.tenant_id, "home", PARAMS)
        until(loaders)
        snapshots.close()
        with pytest.raises(Unavailable):
            asking.result(60)
    assert loaders() == []
