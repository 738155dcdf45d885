"""How a partition goes: detached beside running traffic, archived, dropped; taken up again wherever it was interrupted.

Each step is recorded after it is done, and what is there is looked at before each step, so a pass may end anywhere:

    detaching   it is chosen; attached, half detached (Postgres shows that), or detached and not recorded yet
    detached    no query sees it any more; archived, or about to be
    archived    the file is complete
    dropped     gone, with a row in the audit log
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from recsys.db.pool import Database
from recsys.db.queries import sql as query
from recsys.db.session import limit, owner_session
from recsys.maintenance.partitions import Policy, is_over, plan, read_partitions, read_policies

LOCK_TIMEOUT = "900ms"
"""How long a step may wait for a lock, with the service's statements behind it; then it is left to a later pass."""

KEPT_AGAIN = "The policy keeps this range by now: attach the table again, or drop it by hand."
"""What a retirement says that can neither go on nor be undone by itself."""

Policies = Mapping[str, Policy]
"""By the table that they are for."""

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
    detaching: bool
    exists: bool


class Waiting(NamedTuple):
    """A partition on its way out: how far it is, and what stopped the last pass."""

    parent_table: str
    partition_name: str
    state: str
    last_error: str | None


def retire_once(database: Database, now: datetime | None = None, *, archive: Archive | None = None) -> list[str]:
    """Go on with what was begun, then begin with what is over; answer what was dropped.

    One bounded pass: nothing waits longer than its lock timeout, and what could not be done is left to the next one.
    OwnerUnavailable when no login may act as the owner.
    """
    with owner_session(database.owner_url, database.roles) as conn:
        if conn.execute(query("retirement.try_lock")).fetchone() == (False,):
            return []  # another process is at it
        limit(conn, lock=LOCK_TIMEOUT)
        now = now or datetime.now(UTC)
        policies = {policy.parent_table: policy for policy in read_policies(conn)}
        _choose(conn, policies.values(), now)
        _finish_detaches(conn)
        _spare(conn, policies, now)
        return _advance_all(conn, policies, now, archive)


def read_waiting(conn: psycopg.Connection) -> list[Waiting]:
    """Read what was begun and is not dropped yet, oldest first."""
    return conn.cursor(row_factory=class_row(Waiting)).execute(query("retirement.waiting")).fetchall()


def _choose(conn: psycopg.Connection, policies: Iterable[Policy], now: datetime) -> None:
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


def _spare(conn: psycopg.Connection, policies: Policies, now: datetime) -> None:
    """Drop nothing that a policy keeps by now, though an earlier one let it go."""
    for retirement in _unfinished(conn):
        if not retirement.exists or _is_over(retirement, policies, now):
            continue
        if retirement.attached and not retirement.detaching:
            conn.execute(query("retirement.give_up"), (retirement.id,))
        else:
            conn.execute(query("retirement.stumble"), {"id": retirement.id, "error": KEPT_AGAIN})


def _advance_all(conn: psycopg.Connection, policies: Policies, now: datetime, archive: Archive | None) -> list[str]:
    dropped = []
    stuck: set[str] = set()
    for retirement in _unfinished(conn):
        kept = retirement.exists and not _is_over(retirement, policies, now)
        if kept or (retirement.attached and retirement.parent_table in stuck):
            continue
        try:
            dropped += _advance(conn, retirement, archive)
        except (psycopg.Error, OSError) as error:
            conn.execute(query("retirement.stumble"), {"id": retirement.id, "error": str(error).strip()})
            stuck.add(retirement.parent_table)
    return dropped


def _is_over(retirement: Retirement, policies: Policies, now: datetime) -> bool:
    policy = policies.get(retirement.parent_table)
    return policy is not None and is_over(policy, retirement.upper_bound, now)


def _unfinished(conn: psycopg.Connection) -> list[Retirement]:
    return conn.cursor(row_factory=class_row(Retirement)).execute(query("retirement.unfinished")).fetchall()


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
