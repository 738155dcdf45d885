"""Run the migrations: one at a time, each with its bookkeeping, never two programs at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from recsys.db.migrations import Migration, shipped
from recsys.db.queries import sql as query
from recsys.db.roles import Roles
from recsys.errors import MigrationError

LOCK_TIMEOUT = "2s"
"""How long a migration may stand in a queue, with every later statement on its table behind it."""


def migrate_up(
    conninfo: str, prefix: str, *, patience: float = 300.0, say: Callable[[str], None] = lambda _: None
) -> list[Migration]:
    """Apply what is pending, as the owner; answer what was applied. *patience*: seconds to wait for locks.

    MigrationError says what stopped it; what was applied before stays, and the next run goes on from there.
    """
    roles = Roles.of(prefix)
    with _session(conninfo, roles) as conn, _alone(conn, patience, say):
        done = []
        for migration in pending(conn):
            say(f"applying {migration.file}")
            _apply(conn, migration, roles, patience, say)
            done.append(migration)
        return done


def pending(conn: psycopg.Connection) -> list[Migration]:
    """List what has not been applied to this database yet."""
    if conn.execute(query("migrate.has_bookkeeping")).fetchone() == (False,):
        return list(shipped())
    applied = {row[0] for row in conn.execute(query("migrate.applied"))}
    return [migration for migration in shipped() if migration.version not in applied]


@contextmanager
def _session(conninfo: str, roles: Roles) -> Iterator[psycopg.Connection]:
    with psycopg.connect(conninfo, autocommit=True) as conn:
        # A pooler may hand every statement to another backend, and with it our lock to a stranger.
        if conn.execute(query("migrate.backend_pid")).fetchone() != (conn.info.backend_pid,):
            raise MigrationError("There is a pooler before this database. Point RECSYS_OWNER_DATABASE_URL at Postgres.")
        conn.execute(query("migrate.prepare_session"), (roles.owner,))
        yield conn


@contextmanager
def _alone(conn: psycopg.Connection, patience: float, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the migration lock, on the connection that migrates; it is asked for, never waited for inside Postgres.

    A session that waits inside pg_advisory_lock holds a snapshot, and CREATE INDEX CONCURRENTLY waits for that.
    """
    deadline = time.monotonic() + patience
    while conn.execute(query("migrate.try_lock")).fetchone() == (False,):
        if time.monotonic() > deadline:
            raise MigrationError("Another migration is still running. Try again when it is done.")
        say("waiting for another migration to end")
        time.sleep(1)
    try:
        yield
    finally:
        if not conn.closed:
            conn.execute(query("migrate.unlock"))


def _apply(
    conn: psycopg.Connection, migration: Migration, roles: Roles, patience: float, say: Callable[[str], None]
) -> None:
    deadline = time.monotonic() + patience
    pause = 0.5
    while True:
        try:
            _apply_in_transaction(conn, migration, roles)
        except psycopg.errors.LockNotAvailable:
            if time.monotonic() + pause > deadline:
                raise MigrationError(f"{migration.file} did not get its lock within {patience:.0f} s.") from None
            say(f"{migration.file} lets others pass and tries again in {pause:.1f} s")
            time.sleep(pause)
            pause = min(2 * pause, 10.0)
        else:
            return


def _apply_in_transaction(conn: psycopg.Connection, migration: Migration, roles: Roles) -> None:
    with conn.transaction():
        conn.execute(query("migrate.set_lock_timeout"), (LOCK_TIMEOUT,))
        conn.execute(roles.fill(migration.text).encode())
        conn.execute(query("migrate.record"), migration._asdict() | {"checksum": migration.checksum})
