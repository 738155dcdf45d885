"""Run the migrations: one at a time, each with its bookkeeping, never two programs at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import psycopg

from recsys.db.apply import apply, revert
from recsys.db.migrations import Migration, shipped, ways_back
from recsys.db.queries import sql as query
from recsys.db.roles import Roles
from recsys.db.session import owner_session
from recsys.errors import MigrationError

Say = Callable[[str], None]
State = Literal["applied", "pending", "interrupted", "changed", "unknown"]


class Recorded(NamedTuple):
    """A row of schema_migrations."""

    version: int
    name: str
    checksum: str
    started_at: datetime
    applied_at: datetime | None
    duration: timedelta | None


class Step(NamedTuple):
    """One migration as this database has it.

    applied; pending; interrupted (begun, and `up` repairs it); changed (the file is not the one that was applied);
    unknown (applied by a newer release).
    """

    version: int
    name: str
    state: State
    applied_at: datetime | None = None
    duration: timedelta | None = None


def migrate_up(
    conninfo: str,
    prefix: str,
    *,
    to: int | None = None,
    pre: bool = False,
    patience: float = 300.0,
    say: Say = lambda _: None,
) -> list[Migration]:
    """Apply what is pending, as the owner; answer what was applied.

    *to* is the last version to apply, *pre* leaves out what the released code can not work with, *patience* is how
    many seconds to try for a lock. MigrationError says what stopped it; what was applied stays, and the next run goes
    on from there.
    """
    roles = Roles.of(prefix)
    with owner_session(conninfo, roles) as conn, _alone(conn, patience, say):
        _refuse_changed(status(conn))
        done = []
        for migration in pending(conn, to=to, pre=pre):
            say(f"applying {migration.file}")
            apply(conn, migration, roles, patience=patience, say=say)
            done.append(migration)
        return done


def migrate_down(conninfo: str, prefix: str, *, lose: str | None = None, say: Say = lambda _: None) -> Migration:
    """Take the newest migration back: one step, and only by a file that says how.

    MigrationError when there is no way back, or when it drops data that *lose* does not name.
    """
    roles = Roles.of(prefix)
    with owner_session(conninfo, roles) as conn, _alone(conn, patience=30.0, say=say):
        newest = max((row.version for row in recorded(conn)), default=None)
        back = ways_back().get(newest) if newest is not None else None
        if back is None:
            raise MigrationError(f"There is no way back from version {newest}: restore a backup that is older.")
        if back.loses != lose:
            raise MigrationError(
                f"Going back from {back.version} drops {back.loses}. Say so with --lose '{back.loses}'."
            )
        revert(conn, back, roles)
        return back


def pending(conn: psycopg.Connection, *, to: int | None = None, pre: bool = False) -> list[Migration]:
    """List what is not applied to this database yet, interrupted ones included, in order; with *pre* that half only."""
    applied = {row.version for row in recorded(conn) if row.applied_at is not None}
    return [
        migration
        for migration in shipped()
        if migration.version not in applied
        and (to is None or migration.version <= to)
        and not (pre and migration.phase == "post")
    ]


def status(conn: psycopg.Connection) -> list[Step]:
    """Say of every migration, shipped or recorded, how it stands with this database."""
    rows = {row.version: row for row in recorded(conn)}
    files = {migration.version: migration for migration in shipped()}
    return [_step(files.get(version), rows.get(version)) for version in sorted(rows.keys() | files.keys())]


def recorded(conn: psycopg.Connection) -> list[Recorded]:
    """Read the bookkeeping; nothing when the database is empty."""
    if conn.execute(query("migrate.has_bookkeeping")).fetchone() == (False,):
        return []
    return [Recorded(*row) for row in conn.execute(query("migrate.recorded"))]


def _refuse_changed(steps: list[Step]) -> None:
    changed = [f"{step.version:04d}_{step.name}.sql" for step in steps if step.state == "changed"]
    if changed:
        raise MigrationError(f"{', '.join(changed)} is not the file that was applied. Restore it from the release.")


@contextmanager
def _alone(conn: psycopg.Connection, patience: float, say: Say) -> Iterator[None]:
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


def _step(file: Migration | None, row: Recorded | None) -> Step:
    if row is not None:
        return Step(row.version, row.name, _state(file, row), row.applied_at, row.duration)
    if file is not None:
        return Step(file.version, file.name, "pending")
    raise LookupError  # a version comes from one of the two


def _state(file: Migration | None, row: Recorded) -> State:
    if row.applied_at is None:
        return "interrupted"
    if file is None:
        return "unknown"
    return "applied" if file.checksum == row.checksum else "changed"
