"""Opens what a process of the service needs, and closes it again."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg
import structlog

from recsys.db.pool import Database
from recsys.errors import RecsysError
from recsys.events.exposure_log import ExposureLog
from recsys.events.histories import Histories
from recsys.events.peers import Peers
from recsys.events.spool import Spool
from recsys.heartbeat import beating
from recsys.loop_lag import measured_loop
from recsys.precedence import short_turns
from recsys.ranking import loops
from recsys.secret import user_key_secret
from recsys.settings import Settings
from recsys.snapshot.refresh import Follower, Following, Snapshots
from recsys.snapshot.shelf import shelf_of
from recsys.tenancy.directory import Directory
from recsys.tenancy.jwks import Jwks
from recsys.tenancy.kept import Kept
from recsys.tenancy.keyring import Keyring
from recsys.tenancy.tokens import Tokens

MEET_SECONDS = 0.5
"""What a start may spend on reading the tenants of its snapshots."""
KEEPER_RESTART_SECONDS = 1.0
KEEPER_STOP_SECONDS = 30.0

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Serving:
    """What one worker answers from."""

    settings: Settings
    database: Database
    directory: Directory
    snapshots: Snapshots
    spool: Spool
    secret: bytes
    keys: Keyring
    follower: Follower
    histories: Histories = field(default_factory=Histories)
    peers: Peers | None = None
    """The other processes of this host; None for one that serves alone."""
    tokens: Tokens | None = None
    """None where no identity provider is set."""
    exposure_log: ExposureLog | None = None
    """None where RECSYS_EXPOSURE_LOG_PATH is not set."""

    def tell(self, changed: Iterable[bytes]) -> None:
        """Let the next list of the visitors with these marks know what they did, on every worker of the host."""
        if self.peers is None:
            self.histories.tell(changed)
        else:
            self.peers.tell(changed)


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Serving]:
    """Open a worker's parts in the order in which they need each other."""
    secret = user_key_secret(settings)
    loading = asyncio.create_task(asyncio.to_thread(loops.load, settings.data_dir / "compiled"))
    with await asyncio.to_thread(Database.open, settings, must_answer=False) as database:
        directory = Directory(database, Kept(settings.kept_dir / "tenants"))
        keys = Keyring(database, Kept(settings.kept_dir / "keys"))
        snapshots = Snapshots(database, shelf_of(settings), memory=settings.snapshot_memory_mib * 2**20)
        await asyncio.to_thread(_resume, snapshots, directory)
        histories = Histories()
        async with Spool.open(settings.spool_dir, settings) as spool, Peers(settings.workers_dir, histories) as peers:
            with (
                _follower(settings, database, snapshots, keys, directory) as follower,
                _tokens(settings) as tokens,
                _exposure_log(settings) as exposure_log,
                short_turns(),
                measured_loop(),
                beating(settings.heartbeats_dir),
            ):
                await loading  # a worker that says it is ready compiles nothing while a request waits
                yield Serving(
                    settings,
                    database,
                    directory,
                    snapshots,
                    spool,
                    secret,
                    keys,
                    follower,
                    histories,
                    peers,
                    tokens,
                    exposure_log,
                )
        await asyncio.to_thread(keys.write_uses)


def _follower(settings: Settings, database: Database, snapshots: Snapshots, *following: Following) -> Follower:
    compare_every = timedelta(seconds=settings.snapshot_compare)
    return Follower(database, snapshots, *following, compare_every=compare_every, served=settings.served_dir)


def _resume(snapshots: Snapshots, directory: Directory) -> None:
    """Have what was served before, and whose it is, in memory before the first request asks for it."""
    snapshots.resume()
    until = time.monotonic() + MEET_SECONDS
    for tenant_id in {state.snapshot.tenant_id for state in snapshots.states()}:
        if time.monotonic() > until:
            return
        with suppress(RecsysError, psycopg.Error):  # who asks for it hears what is wrong
            directory.fetch(str(tenant_id))


@contextmanager
def _tokens(settings: Settings) -> Iterator[Tokens | None]:
    """Follow the identity provider's keys, where one is set."""
    if settings.jwt_jwks_url is None:
        yield None
        return
    with Jwks(settings.jwt_jwks_url, refresh_seconds=settings.jwt_refresh_seconds) as jwks:
        yield Tokens(settings, jwks)


@contextmanager
def _exposure_log(settings: Settings) -> Iterator[ExposureLog | None]:
    """Write every served list to a file too, where one is set."""
    if settings.exposure_log_path is None:
        yield None
        return
    with ExposureLog(settings.exposure_log_path) as log:
        yield log


@contextmanager
def keeper() -> Iterator[None]:
    """Run the keeper beside the service, start it again if it dies, and let it drain before it ends."""
    stop = threading.Event()
    holder = _KeeperProcess(stop)
    watcher = threading.Thread(target=holder.watch, name="keeper")
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        holder.end()
        watcher.join()


class _KeeperProcess:
    """The keeper's process: it lives as long as the pipe to its standard input is open."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "recsys.keeper"]
        return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603  our own module

    def watch(self) -> None:
        while True:
            code = self._process.wait()
            if self._stop.wait(KEEPER_RESTART_SECONDS):
                return
            _log.error("keeper ended, starting it again", exit_code=code)
            self._process = self._start()

    def end(self) -> None:
        process = self._process
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(KEEPER_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
