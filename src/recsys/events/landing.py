"""Puts records into the database: one COPY a kind; what the database refuses for its own values is set aside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import NamedTuple, TypeVar

import psycopg

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.errors import Unavailable
from recsys.events.records import Kind, Record, Unreadable, decode
from recsys.events.tables import EXPOSURES, INTERACTIONS, Table

_CHECK_VIOLATION = "23514"
_POISON = ("22", "23")
_PARTITION_ATTEMPTS = 3

_Result = TypeVar("_Result")


class Spooled(NamedTuple):
    """One record as it lay in a spool."""

    kind: int
    payload: bytes
    spool_id: str | None = None


class DeadLetter(NamedTuple):
    """A record that can not land, and why."""

    spooled: Spooled
    record: Record | None
    """None when it could not even be read."""
    reason: str
    sqlstate: str | None = None


class Landed(NamedTuple):
    """What became of a batch. What is in neither number was there already, or belongs to an erased person."""

    exposures: int
    interactions: int
    dead: list[DeadLetter]


class MissingPartition(Exception):
    """No partition takes these records: `table` and `records` say what to make."""

    def __init__(self, table: Table, records: list[Record]) -> None:
        super().__init__(table.name)
        self.table = table
        self.records = records


def with_partitions(database: Database, action: Callable[[psycopg.Connection], _Result]) -> _Result:
    """Run *action* in a transaction of the system role; when a partition is missing, make it and begin again."""
    for _ in range(_PARTITION_ATTEMPTS):
        try:
            with database.system() as conn:
                return action(conn)
        except MissingPartition as missing:
            table = missing.table.name
            _make_partitions(database, missing)
    raise Unavailable(f"{table} refuses times for which it has partitions: one of them is being detached.")


def _make_partitions(database: Database, missing: MissingPartition) -> None:
    """Make what is missing, each in a short transaction: the lock on the table ends with it."""
    days = {record.occurred_at.astimezone(UTC).date(): record.occurred_at for record in missing.records}
    for _, moment in sorted(days.items()):
        with database.system() as conn:
            conn.execute(sql("partitions.ensure"), {"parent": missing.table.name, "at": moment})


_Entry = tuple[Spooled, Record]


def land(conn: psycopg.Connection, batch: list[Spooled]) -> Landed:
    """Insert *batch* in the transaction of *conn* (the system role), ignoring what is there already.

    Raises MissingPartition (make it and begin a new transaction), and psycopg.Error for whatever is wrong with the
    environment and not with a record.
    """
    entries, dead = _decode(batch)
    conn.execute(sql("erasure.heed"))
    exposures = _land(conn, EXPOSURES, entries[Kind.EXPOSURE], dead)
    interactions = _land(conn, INTERACTIONS, entries[Kind.INTERACTION], dead)
    return Landed(exposures, interactions, dead)


def _decode(batch: list[Spooled]) -> tuple[dict[Kind, list[_Entry]], list[DeadLetter]]:
    entries: dict[Kind, list[_Entry]] = {kind: [] for kind in Kind}
    dead: list[DeadLetter] = []
    for spooled in batch:
        try:
            record = decode(spooled.kind, spooled.payload)
        except Unreadable as error:
            dead.append(DeadLetter(spooled, None, str(error)))
        else:
            entries[Kind(spooled.kind)].append((spooled, record))
    return entries, dead


def _land(conn: psycopg.Connection, table: Table, entries: list[_Entry], dead: list[DeadLetter]) -> int:
    if not entries:
        return 0
    conn.execute(sql(table.begin))
    return _halve(conn, table, entries, dead)


def _halve(conn: psycopg.Connection, table: Table, entries: list[_Entry], dead: list[DeadLetter]) -> int:
    """Insert all of *entries* or, when one of them is poison, each half by itself; return how many rows are new."""
    try:
        with conn.transaction():
            return _copy(conn, table, entries)
    except UnicodeError as error:  # JSON that is no UTF-8
        reason, sqlstate = str(error), None
    except psycopg.Error as error:
        if _is_missing_partition(error):
            raise MissingPartition(table, [record for _, record in entries]) from error
        if not _is_poison(error):
            raise
        reason, sqlstate = str(error).splitlines()[0], error.sqlstate
    if len(entries) == 1:
        dead.append(DeadLetter(*entries[0], reason, sqlstate))
        return 0
    middle = len(entries) // 2
    inserted = _halve(conn, table, entries[:middle], dead)
    conn.execute(sql(table.empty))
    return inserted + _halve(conn, table, entries[middle:], dead)


def _copy(conn: psycopg.Connection, table: Table, entries: list[_Entry]) -> int:
    with conn.cursor() as cursor:
        with cursor.copy(sql(table.copy)) as copy:
            for _, record in entries:
                copy.write_row(table.row(record))
        cursor.execute(sql(table.insert))
        counted = cursor.fetchone() if cursor.description else None
        return counted[0] if counted else cursor.rowcount


def _is_missing_partition(error: psycopg.Error) -> bool:
    return error.sqlstate == _CHECK_VIOLATION and error.diag.constraint_name is None


def _is_poison(error: psycopg.Error) -> bool:
    """Whether a record's own values are to blame; psycopg itself refuses some of them without asking the server."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.DataError)
    return error.sqlstate.startswith(_POISON)
