"""Apply one migration: in a transaction with its bookkeeping, or outside of one so that it can be taken up again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import psycopg
from psycopg import sql

from recsys.db.migrations import Migration
from recsys.db.queries import sql as query
from recsys.db.roles import Roles
from recsys.db.session import limit
from recsys.errors import MigrationError

LOCK_TIMEOUT = "900ms"
"""How long a migration may stand in the queue for a lock, with every later statement on that table behind it."""

STATEMENT_TIMEOUT = "5min"
"""How long one statement of a transaction may hold the locks it has."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0  # seconds between two tries for a lock


class Piece(NamedTuple):
    """One statement outside of a transaction, with what tells that it is done and what clears it away half done."""

    statement: str
    done_when: str
    before_again: str | None


def apply(
    conn: psycopg.Connection, migration: Migration, roles: Roles, *, patience: float, say: Callable[[str], None]
) -> None:
    """Apply *migration* on a connection in autocommit; MigrationError when it fails or its lock is not free in time."""
    try:
        if migration.transactional:
            _persist(lambda: _apply_in_transaction(conn, migration, roles), patience, say)
        else:
            _apply_outside(conn, migration, roles, patience, say)
    except psycopg.errors.LockNotAvailable:
        raise MigrationError(f"{migration.file} got no lock within {patience:.0f} s. Run it again later.") from None
    except psycopg.Error as error:
        reason = error.diag.message_primary or str(error).strip()
        raise MigrationError(f"{migration.file} stopped: {reason}. Run it again when that is mended.") from error


def revert(conn: psycopg.Connection, back: Migration, roles: Roles) -> None:
    """Run the file that takes a migration back, and forget that it was applied."""
    for piece in () if back.transactional else pieces(conn, back, roles):
        _run(conn, back, piece)
    with conn.transaction():
        if back.transactional:
            limit(conn, lock=LOCK_TIMEOUT, statement=STATEMENT_TIMEOUT)
            conn.execute(roles.fill(back.text).encode())
        conn.execute(query("migrate.forget"), {"version": back.version})


def pieces(conn: psycopg.Connection, migration: Migration, roles: Roles) -> list[Piece]:
    """Spell a migration without a transaction: one statement, or one for every partition that there is now."""
    whole = Piece(roles.fill(migration.text), migration.done_when or "select true", migration.before_again)
    if migration.partitions_of is None:
        return [whole]
    partitions = conn.execute(query("migrate.partitions"), (migration.partitions_of,)).fetchall()
    return [_for_partition(whole, name, migration.index_suffix) for (name,) in partitions]


def _apply_in_transaction(conn: psycopg.Connection, migration: Migration, roles: Roles) -> None:
    with conn.transaction():
        limit(conn, lock=LOCK_TIMEOUT, statement=STATEMENT_TIMEOUT)
        conn.execute(roles.fill(migration.text).encode())
        conn.execute(query("migrate.record"), _row(migration))


def _apply_outside(
    conn: psycopg.Connection, migration: Migration, roles: Roles, patience: float, say: Callable[[str], None]
) -> None:
    """Record that it begins, do what is not done yet, record that it is done.

    An interrupted one comes here again: what is done is found done, what was half done is cleared away first.
    """
    conn.execute(query("migrate.record_start"), _row(migration))
    for piece in pieces(conn, migration, roles):
        _persist(lambda piece=piece: _run(conn, migration, piece), patience, say)  # type: ignore[misc]
    if not all(_is_done(conn, piece) for piece in pieces(conn, migration, roles)):
        raise MigrationError(f"{migration.file} ran, and its check says that it is not done.")
    conn.execute(query("migrate.record_end"), {"version": migration.version})


def _run(conn: psycopg.Connection, migration: Migration, piece: Piece) -> None:
    if _is_done(conn, piece):
        return
    limit(conn, lock="0" if migration.waits_alone else LOCK_TIMEOUT)
    if piece.before_again is not None:
        conn.execute(piece.before_again.encode())
    conn.execute(piece.statement.encode())


def _is_done(conn: psycopg.Connection, piece: Piece) -> bool:
    return conn.execute(piece.done_when.encode()).fetchone() == (True,)


def _persist(attempt: Callable[[], None], patience: float, say: Callable[[str], None]) -> None:
    """Try until the lock is free; between two tries everybody who stood behind us goes before us."""
    deadline = time.monotonic() + patience
    pause = _FIRST_PAUSE
    while True:
        try:
            return attempt()
        except psycopg.errors.LockNotAvailable:
            if time.monotonic() + pause > deadline:
                raise
        say(f"the table is in use; trying again in {pause:g} s")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _row(migration: Migration) -> dict[str, object]:
    return {"version": migration.version, "name": migration.name, "checksum": migration.checksum}


def _for_partition(whole: Piece, partition: str, suffix: str) -> Piece:
    names = {"partition": partition, "partition_index": f"{partition}_{suffix}"}

    def fill(text: str) -> str:
        for key, name in names.items():
            text = text.replace(f':"{key}"', sql.Identifier(name).as_string())
            text = text.replace(f":'{key}'", sql.Literal(name).as_string())
        return text

    return Piece(fill(whole.statement), fill(whole.done_when), whole.before_again and fill(whole.before_again))
