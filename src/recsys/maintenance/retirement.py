"""How a partition goes: detached beside running traffic, archived, dropped; taken up again wherever it was interrupted.

Each step is recorded after it is done, and what is there is looked at before each step, so a pass may end anywhere:

    detaching   it is chosen; attached, half detached (Postgres shows that), or detached and not recorded yet
    detached    no query sees it any more; archived, or about to be
    archived    the file is complete
    dropped     gone, with a row in the audit log
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from recsys.db.pool import Database
from recsys.db.queries import sql as query
from recsys.db.session import limit, owner_session
from recsys.maintenance.partitions import Policy, plan, read_partitions, read_policies

LOCK_TIMEOUT = "900ms"
"""How long a step may wait for a lock, with the service's statements behind it; then it is left to a later pass."""

Archive = Callable[[psycopg.Connection, str], str]
"""Writes a table to a file, completely or not at all, and answers its name."""


class Retirement(NamedTuple):
    """A row of partition_retirements that is not dropped yet, and what is there of its partition."""

    id: UUID
    parent_table: str
    partition_name: str
    lower_bound: datetime
    upper_bound: datetime
    state: str
    archive_file: str | None
    attached: bool
    exists: bool


def retire_once(database: Database, now: datetime | None = None, *, archive: Archive | None = None) -> list[str]:
    """Go on with what was begun, then begin with what is over; answer what was dropped.

    One bounded pass: nothing waits longer than its lock timeout, and what could not be done is left to the next one.
    OwnerUnavailable when no login may act as the owner.
    """
    with owner_session(database.owner_url, database.roles) as conn:
        if conn.execute(query("retirement.try_lock")).fetchone() == (False,):
            return []  # another process is at it
        limit(conn, lock=LOCK_TIMEOUT)
        policies = read_policies(conn)
        _choose(conn, policies, now or datetime.now(UTC))
        _finish_detaches(conn)
        kept = {policy.parent_table for policy in policies if policy.retain_days is None}
        return _advance_all(conn, kept, archive)


def _choose(conn: psycopg.Connection, policies: list[Policy], now: datetime) -> None:
    for policy in policies:
        for partition in plan(policy, read_partitions(conn, policy.parent_table), now).retire:
            values = {"parent": policy.parent_table, "partition": partition.partition_name}
            conn.execute(query("retirement.choose"), values | partition.bounds._asdict())


def _finish_detaches(conn: psycopg.Connection) -> None:
    """Finish what an interrupted detach left half done: until then no other of the same table can begin."""
    for parent, partition in conn.execute(query("retirement.pending_detaches")).fetchall():
        try:
            conn.execute(_alter("alter table {} detach partition {} finalize", parent, partition))
        except psycopg.errors.LockNotAvailable:
            continue  # it waits for every older snapshot; a later pass will find them gone


def _advance_all(conn: psycopg.Connection, kept: set[str], archive: Archive | None) -> list[str]:
    dropped = []
    stuck: set[str] = set()
    for retirement in _unfinished(conn):
        if retirement.attached and (retirement.parent_table in stuck or _is_spared(conn, retirement, kept)):
            continue
        try:
            dropped += _advance(conn, retirement, archive)
        except (psycopg.Error, OSError) as error:
            conn.execute(query("retirement.stumble"), {"id": retirement.id, "error": str(error).strip()})
            stuck.add(retirement.parent_table)
    return dropped


def _unfinished(conn: psycopg.Connection) -> list[Retirement]:
    return conn.cursor(row_factory=class_row(Retirement)).execute(query("retirement.unfinished")).fetchall()


def _is_spared(conn: psycopg.Connection, retirement: Retirement, kept: set[str]) -> bool:
    """Forget a choice that the policy has taken back before anything was done about it."""
    if retirement.parent_table not in kept:
        return False
    conn.execute(query("retirement.give_up"), (retirement.id,))
    return True


def _advance(conn: psycopg.Connection, retirement: Retirement, archive: Archive | None) -> list[str]:
    """Take every step that is left; an error leaves the retirement at the last one that was done."""
    if retirement.attached:
        conn.execute(
            _alter(
                "alter table {} detach partition {} concurrently", retirement.parent_table, retirement.partition_name
            )
        )
    if retirement.exists:
        if retirement.state == "detaching":
            _record(conn, retirement, "detached", row_count=_count(conn, retirement.partition_name))
        if archive is not None and retirement.archive_file is None:
            _record(conn, retirement, "archived", archive_file=archive(conn, retirement.partition_name))
    with conn.transaction():
        conn.execute(sql.SQL("drop table if exists {}").format(sql.Identifier(retirement.partition_name)))
        _record(conn, retirement, "dropped")
        conn.execute(query("retirement.audit"), (retirement.id,))
    return [retirement.partition_name]


def _record(
    conn: psycopg.Connection,
    retirement: Retirement,
    state: str,
    *,
    archive_file: str | None = None,
    row_count: int | None = None,
) -> None:
    values = {"id": retirement.id, "state": state, "archive_file": archive_file, "row_count": row_count}
    conn.execute(query("retirement.step"), values)


def _count(conn: psycopg.Connection, table: str) -> int:
    row = conn.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table))).fetchone()
    return int(row[0]) if row else 0


def _alter(template: LiteralString, parent: str, partition: str) -> sql.Composed:
    return sql.SQL(template).format(sql.Identifier(parent), sql.Identifier(partition))
