"""A running service, asked from outside: `recsys serve` on a database of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import psycopg
import pytest
from psycopg import sql

from recsys.db.provision import provision
from recsys.db.roles import Roles
from recsys.settings import environment

STARTS_SECONDS = 60.0
FOLLOWS_SECONDS = 30.0
_PREFIX = "recsys"
_numbers = count(1)


class Running(NamedTuple):
    """A service that answers."""

    url: str
    host: str
    port: int
    conninfo: str
    """The database, as a superuser."""
    log: Path
    variables: dict[str, str]
    """What its settings were, for commands beside it."""


class Tenant(NamedTuple):
    """A tenant of one test's own."""

    id: UUID
    external_id: str


@pytest.fixture(scope="session")
def running(postgres: Any, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Start `recsys serve` in development mode, once for all tests, and stop it as an operator would."""
    with service(postgres, template, tmp_path_factory.mktemp("serve")) as started:
        yield started


@pytest.fixture
def start(postgres: Any, template: str, tmp_path: Path) -> Callable[..., AbstractContextManager[Running]]:
    """Start a service of this test's own, with settings by the names of their fields: `workers=2`."""
    return partial(service, postgres, template, tmp_path)


@pytest.fixture(scope="session")
def serve_on() -> Callable[..., AbstractContextManager[Running]]:
    """Start a service on a cluster of a test's own."""
    return service


@pytest.fixture(scope="session")
def serve_with() -> Callable[..., AbstractContextManager[tuple[str, int]]]:
    """Start a service with these variables, on whatever they name."""
    return serving


@contextmanager
def service(postgres: Any, template: str, folder: Path, **settings: Any) -> Iterator[Running]:
    """Run `recsys serve` on a database of its own."""
    name = f"http_{os.getpid()}_{next(_numbers)}"
    owner = sql.Identifier(Roles.of(_PREFIX).owner)
    database, source = sql.Identifier(name), sql.Identifier(template)
    _as_superuser(postgres, sql.SQL("create database {} template {} owner {}").format(database, source, owner))
    try:
        urls = provision(postgres.conninfo(), database=name, prefix=_PREFIX)
        given = {
            "database_url": urls.service,
            "owner_database_url": urls.owner,
            "data_dir": folder / "data",
            "dev_mode": True,
            "access_log_share": 1,
            "user_key_secret": "a secret of these tests alone",
            "db_role_prefix": _PREFIX,
        }
        variables = environment(**given | settings)
        with serving(variables, folder / "log") as (host, port):
            url = f"http://{host}:{port}"
            yield Running(url, host, port, postgres.conninfo(name), folder / "log", variables)
    finally:
        _as_superuser(postgres, sql.SQL("drop database {} with (force)").format(database))


def _as_superuser(postgres: Any, statement: sql.Composed) -> None:
    with psycopg.connect(postgres.conninfo(), autocommit=True) as conn:
        conn.execute(statement)


@contextmanager
def serving(variables: dict[str, str], log: Path) -> Iterator[tuple[str, int]]:
    """Run `recsys serve` with these variables until the block ends; give its address."""
    host, port = "127.0.0.1", _free_port()
    command = [str(Path(sys.executable).with_name("recsys")), "serve", "--host", host, "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=os.environ | variables, stdout=output, stderr=output)
    try:
        _wait_until_it_answers(process, f"http://{host}:{port}/livez", log)
        yield host, port
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0, log.read_text()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    def answers() -> bool:
        assert process.poll() is None, f"the service ended:\n{log.read_text()}"
        try:
            return httpx.get(url, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    eventually(answers, STARTS_SECONDS)


@pytest.fixture(scope="session", name="eventually")
def _eventually() -> Callable[..., None]:
    """Give tests the waiting that fixtures use."""
    return eventually


def eventually(holds: Callable[[], object], seconds: float = FOLLOWS_SECONDS) -> None:
    """Wait until *holds* does, at most *seconds*."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def _superuser(running: Running) -> Iterator[psycopg.Connection]:
    with psycopg.connect(running.conninfo, autocommit=True) as conn:
        yield conn


@pytest.fixture
def database(_superuser: psycopg.Connection) -> psycopg.Connection:
    """Connect to the service's database as an operator who is superuser, in autocommit."""
    return _superuser


@pytest.fixture
def tenant(database: psycopg.Connection) -> Tenant:
    """Create a tenant by SQL."""
    external_id = f"tenant-{next(_numbers)}"
    row = database.execute(
        "insert into tenants (external_id, name) values (%s, 'A shop') returning id", (external_id,)
    ).fetchone()
    assert row is not None
    return Tenant(row[0], external_id)


@pytest.fixture
def seeded(database: psycopg.Connection, tenant: Tenant) -> Tenant:
    """Seed a tenant's default namespace: i00 the most popular of twenty items, i19 the least; i00 and i01 are alike."""
    for number in range(20):
        database.execute(
            "insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)"
            " values (%s, 'default', %s, current_date, %s)",
            (tenant.id, f"i{number:02}", 100 - number),
        )
    for number in range(20):
        database.execute(
            "insert into item_tags (tenant_id, namespace, item_id, tags) values (%s, 'default', %s, %s)",
            (tenant.id, f"i{number:02}", ["brand:x"] if number < 2 else ["brand:y"]),
        )
    return tenant


@pytest.fixture
def client(running: Running, tenant: Tenant) -> Iterator[httpx.Client]:
    """Ask as this test's tenant."""
    headers = {"X-Org-Id": tenant.external_id}
    with httpx.Client(base_url=running.url, headers=headers, trust_env=False, timeout=30) as opened:
        yield opened
