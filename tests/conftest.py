"""A real Postgres for the tests that want one: started once a process, migrated once, cloned for every test."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from recsys.db.binaries import Binaries, find_binaries, unprivileged
from recsys.db.migrate import migrate_up
from recsys.db.pool import Database
from recsys.db.provision import Urls, provision
from recsys.db.roles import Roles
from recsys.ranking.compiled import Kernel
from recsys.settings import Settings

Kernel.checked = True

PREFIX = "recsys"
_TEMPLATE = "recsys_template"
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "timezone": "America/Los_Angeles",  # nothing may depend on the zone of the server
}
_used: dict[str, int] = {}
"""How many tests ran on which Postgres, for the last line of the run."""


class Cluster(NamedTuple):
    """One Postgres server on a Unix socket, without durability."""

    binaries: Binaries
    folder: Path

    @property
    def version(self) -> str:
        """Such as 18.6."""
        return ".".join(map(str, self.binaries.version))

    def conninfo(self, database: str = "postgres") -> str:
        """Connection string of the superuser."""
        return make_conninfo(host=str(self.folder), user="postgres", dbname=database)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """Start a cluster of our own (RECSYS_TEST_POSTGRES_BIN chooses which Postgres) and stop it whatever happens."""
    with _new_cluster() as cluster, _running(cluster):
        yield cluster


@contextmanager
def _new_cluster() -> Iterator[Cluster]:
    chosen = os.environ.get("RECSYS_TEST_POSTGRES_BIN")
    binaries = find_binaries(Settings(postgres_bin=Path(chosen) if chosen else None))
    folder = Path(tempfile.mkdtemp(prefix="rt-"))  # short: the path of a socket has at most 107 bytes
    try:
        cluster = Cluster(binaries, folder)
        _initialise(cluster)
        yield cluster
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(cluster: Cluster) -> Iterator[None]:
    server = _start(cluster)
    try:
        _wait_until_it_answers(cluster, server)
        yield
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=30)


class OwnPostgres:
    """A cluster that its test stops and starts again as it likes."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.template = _TEMPLATE
        self._runs = ExitStack()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._runs.enter_context(_running(self.cluster))

    def stop(self) -> None:
        """Stop it, whoever is connected."""
        self._runs.close()


@pytest.fixture
def own_postgres() -> Iterator[OwnPostgres]:
    """Start a cluster of a test's own, with a migrated template in it."""
    with _new_cluster() as cluster:
        own = OwnPostgres(cluster)
        own.start()
        try:
            _make_template(cluster)
            yield own
        finally:
            own.stop()


def _initialise(cluster: Cluster) -> None:
    command = [cluster.binaries.program("initdb"), "--no-sync", "--encoding=UTF8", "--locale=C", "--username=postgres"]
    command += ["--auth=trust", "--pgdata", str(cluster.folder / "data")]
    subprocess.run(unprivileged(command), check=True, stdout=subprocess.DEVNULL)


def _start(cluster: Cluster) -> subprocess.Popen[bytes]:
    command = [cluster.binaries.program("postgres"), "-D", str(cluster.folder / "data"), "-k", str(cluster.folder)]
    for name, value in _SETTINGS.items():
        command += ["-c", f"{name}={value}"]
    with (cluster.folder / "log").open("wb") as log:
        # A session of its own: Ctrl-C reaches the tests, and they stop the server.
        return subprocess.Popen(unprivileged(command), stdout=log, stderr=log, start_new_session=True)


def _wait_until_it_answers(cluster: Cluster, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(cluster.conninfo()).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"Postgres did not start:\n{(cluster.folder / 'log').read_text()}", pytrace=False)
            time.sleep(0.02)
        else:
            return


@pytest.fixture(scope="session")
def template(postgres: Cluster) -> str:
    """Make the database that all others are copies of: roles, schema, partitions."""
    _make_template(postgres)
    return _TEMPLATE


def _make_template(postgres: Cluster) -> None:
    urls = provision(postgres.conninfo(), database=_TEMPLATE, prefix=PREFIX)
    _migrate(urls)
    with psycopg.connect(postgres.conninfo(_TEMPLATE)) as conn:
        conn.execute("select recsys_ensure_runway()")


def _migrate(urls: Urls) -> None:
    """Bring the template up; RECSYS_TEST_MIGRATE is another release's command for that, as in a rolling upgrade.

    With `.../next/.venv/bin/recsys migrate up --pre` the tests of this release run on the next one's schema.
    """
    command = os.environ.get("RECSYS_TEST_MIGRATE")
    if command is None:
        migrate_up(urls.owner, PREFIX)
        return
    environment = {**os.environ, "DATABASE_URL": urls.service, "RECSYS_OWNER_DATABASE_URL": urls.owner}
    subprocess.run(shlex.split(command), check=True, env=environment)


@pytest.fixture
def own_schema() -> None:
    """Skip a test that lists what is in the schema of this release, when another one made it."""
    if "RECSYS_TEST_MIGRATE" in os.environ:
        pytest.skip("lists what this release's own schema holds, and another release made this one")


_numbers = count(1)


@contextmanager
def _copy(postgres: Cluster, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres.conninfo(), autocommit=True) as conn:
        conn.execute(
            sql.SQL("create database {} template {} owner {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template), sql.Identifier(Roles.of(PREFIX).owner)
            )
        )
        try:
            yield name
        finally:
            conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def database_name(postgres: Cluster, template: str) -> Iterator[str]:
    """Name of this test's own copy of the migrated database, dropped after it."""
    _used[postgres.version] = _used.get(postgres.version, 0) + 1
    with _copy(postgres, template) as name:
        yield name


class Empty(NamedTuple):
    """A database that holds nothing yet, and how its two logins reach it."""

    name: str
    service: str
    owner: str


@pytest.fixture
def new_database(postgres: Cluster, template: str) -> Iterator[Callable[[], Empty]]:
    """Make databases that belong to the owner role and hold nothing yet; dropped after the test."""
    del template  # roles exist when the template does
    _used[postgres.version] = _used.get(postgres.version, 0) + 1
    with ExitStack() as stack:

        def make() -> Empty:
            name = stack.enter_context(_copy(postgres, "template0"))
            return Empty(name, *provision(postgres.conninfo(), database=name, prefix=PREFIX))

        yield make


@pytest.fixture
def urls(postgres: Cluster, database_name: str) -> Urls:
    """Connection strings of the two logins to this test's database."""
    return provision(postgres.conninfo(), database=database_name, prefix=PREFIX)


@pytest.fixture
def settings(urls: Urls, tmp_path: Path) -> Settings:
    """Settings of a service on this test's database, with a data folder of its own."""
    return Settings(
        database_url=urls.service, owner_database_url=urls.owner, data_dir=tmp_path / "data", db_role_prefix=PREFIX
    )


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """Open this test's database as the service does."""
    with Database.open(settings) as opened:
        yield opened


@pytest.fixture
def operator(postgres: Cluster, database_name: str) -> Iterator[psycopg.Connection]:
    """Connect to this test's database as a superuser, in autocommit: an operator with psql."""
    with psycopg.connect(postgres.conninfo(database_name), autocommit=True) as conn:
        yield conn


@pytest.fixture
def owner(urls: Urls) -> Iterator[psycopg.Connection]:
    """Connect to this test's database as the owner, who is no superuser, in autocommit."""
    with psycopg.connect(urls.owner, autocommit=True) as conn:
        conn.execute(sql.SQL("set role {}").format(sql.Identifier(Roles.of(PREFIX).owner)))
        yield conn


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Add up what the workers of pytest-xdist did."""
    for version, tests in getattr(node, "workeroutput", {}).get("postgres", {}).items():
        _used[version] = _used.get(version, 0) + tests


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what this worker did to the process that reports."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["postgres"] = dict(_used)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which Postgres the tests ran on."""
    for version, tests in sorted(_used.items()):
        terminalreporter.write_line(f"{tests} tests ran on PostgreSQL {version}")
