"""Behind a transaction pooler every transaction may be on another backend; role and tenant go with it all the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from recsys.db.binaries import unprivileged
from recsys.db.migrate import migrate_up
from recsys.db.pool import Database
from recsys.errors import OwnerUnavailable
from recsys.settings import Settings
from recsys.snapshot.refresh import Follower, Snapshots
from recsys.tenancy.config import SignalParams

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

CONFIG = """
[databases]
* = host={cluster}
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 2
max_client_conn = 50
logfile = {folder}/log
pidfile = {folder}/pid
"""


@pytest.fixture
def pooler(postgres: Any) -> Iterator[str]:
    """Run PgBouncer with two server connections before the cluster; answer its host."""
    if PGBOUNCER is None:
        pytest.skip("there is no pgbouncer on this machine; install the package of that name to run this")
    folder = Path(postgres.folder) / "pooler"  # a short path, for its socket
    folder.mkdir(exist_ok=True)
    (folder / "ini").write_text(CONFIG.format(cluster=postgres.folder, folder=folder))
    (folder / "users").write_text('"recsys_app" ""\n"recsys_admin" ""\n')
    command = unprivileged([PGBOUNCER, "--quiet", str(folder / "ini")])
    with subprocess.Popen(command) as process:
        try:
            _wait_for(folder, process)
            yield str(folder)
        finally:
            process.terminate()
            process.wait(timeout=10)


def _wait_for(folder: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while not list(folder.glob(".s.PGSQL.*")):
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def pooled(settings: Settings, pooler: str) -> Settings:
    """Settings that reach the database through the pooler, and the owner's past it."""
    through = make_conninfo(settings.database_url or "", host=pooler, port=6432)
    return replace(settings, database_url=through, db_pooler="transaction", db_pool_size=8)


def test_tenants_stay_apart_through_a_pooler(pooled: Settings, operator: psycopg.Connection) -> None:
    """800 transactions of eight threads over two backends each see their own tenant, and nothing is left behind."""
    tenants = [uuid4() for _ in range(8)]
    for tenant in tenants:
        operator.execute("insert into tenants (id, external_id, name) values (%s, %s, 'x')", (tenant, tenant))
    wrong: list[object] = []

    def look(database: Database, tenant: UUID) -> None:
        for _ in range(100):
            with database.service(tenant) as conn:
                seen = conn.execute("select id, current_user from tenants").fetchall()
            if seen != [(tenant, "recsys_service")]:
                wrong.append(seen)

    with Database.open(pooled) as database:
        threads = [threading.Thread(target=look, args=(database, tenant)) for tenant in tenants]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
    with psycopg.connect(pooled.database_url or "", autocommit=True, prepare_threshold=None) as conn:
        leaked = conn.execute("select current_user, nullif(current_setting('app.tenant_id', true), '')").fetchone()
    assert leaked == ("recsys_app", None)


def test_questions_keep_their_tenant_behind_a_pooler(pooled: Settings) -> None:
    """200 questions in one round trip each, of tenants in turn, see the tenant that they name."""
    tenants = [uuid4() for _ in range(4)]
    with Database.open(pooled) as database:
        for number in range(200):
            tenant = tenants[number % len(tenants)]
            seen = database.ask(tenant, "select current_user, current_setting('app.tenant_id')", {})
            assert seen == [("recsys_service", str(tenant))]


def test_migrations_refuse_a_pooler(pooled: Settings, pooler: str) -> None:
    """The owner's connection through the pooler is refused: its lock would belong to somebody else."""
    through = make_conninfo(pooled.owner_database_url or "", host=pooler, port=6432)
    with pytest.raises(OwnerUnavailable, match="pooler"):
        migrate_up(through, "recsys")


def test_changes_are_followed_behind_a_pooler(pooled: Settings, operator: psycopg.Connection) -> None:
    """A changed row is found in the log and read by itself, though each transaction may be on another backend."""
    now = datetime.now(UTC)
    row = operator.execute("insert into tenants (external_id, name) values ('a', 'A') returning id").fetchone()
    assert row
    upsert = (
        "insert into item_popularity_daily (tenant_id, namespace, item_id, day, score) values (%s, 'home', 'a', %s, %s)"
        " on conflict (tenant_id, namespace, item_id, day) do update set score = excluded.score"
    )
    operator.execute(upsert, (row[0], now.date(), 1))
    with Database.open(pooled) as database:
        snapshots = Snapshots(database, clock=lambda: now)
        follower = Follower(database, snapshots, clock=lambda: now)
        before = snapshots.load_once(row[0], "home", SignalParams())
        for score in range(2, 12):
            operator.execute(upsert, (row[0], now.date(), score))
            follower.look_once()
            snapshots.refresh_once()
            served = snapshots.current(row[0], "home", before.params)
            assert served is not None
            assert served.popularity.tolist() == [score]
            assert served.items is before.items, "it was amended, not loaded"
