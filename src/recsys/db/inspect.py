"""What is in the database: tables, sizes, last writes, and what each tenant can rank from."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from recsys.db.queries import sql as query
from recsys.errors import MigrationError, NotFound

_TAIL_PAGES = 64
"""How much of a heap's end is read for its last write: rows are appended there, and 64 pages are read at once."""

_SIGNALS = {"item_popularity_daily": "popularity", "item_covisit_daily": "covisitation"}
"""Tables whose rows carry no time of writing: the change log tells when they changed."""

_Row = TypeVar("_Row")


class Table(NamedTuple):
    """One table; its partitions count as part of it."""

    name: str
    purpose: str
    rows: int
    """An estimate: nothing is counted."""
    bytes: int
    """With indexes and what is stored out of line."""
    partitions: int | None
    """None where the table is not partitioned."""


class Column(NamedTuple):
    """One column, as its comment explains it."""

    name: str
    type: str
    nullable: bool
    preset: str | None
    meaning: str


class Index(NamedTuple):
    """One index, as SQL would make it."""

    name: str
    definition: str


class Coverage(NamedTuple):
    """What serving can rank from in one namespace of a tenant; namespace None: the tenant has no signals at all."""

    tenant: str
    status: str
    namespace: str | None
    items: int
    """Items in item_tags."""
    popular_items: int
    """Items with a popularity."""
    popularity_days: int
    newest_popularity: date | None
    covisited_items: int
    """Items with a neighbour."""
    covisit_days: int
    newest_covisit: date | None


def require_schema(conn: psycopg.Connection) -> None:
    """Raise MigrationError where there is nothing to look at yet."""
    if conn.execute(query("isolation.has_schema")).fetchone() == (False,):
        raise MigrationError("The database holds no schema yet. Run `recsys migrate up`.")


def tables(conn: psycopg.Connection) -> list[Table]:
    """List every table by name."""
    return conn.cursor(row_factory=class_row(Table)).execute(query("inspect.tables")).fetchall()


def table(conn: psycopg.Connection, name: str) -> Table:
    """Describe one table; NotFound where there is none of this name."""
    for found in tables(conn):
        if found.name == name:
            return found
    raise NotFound(f"There is no table {name}. `recsys inspect` lists them.")


def last_writes(conn: psycopg.Connection) -> dict[str, datetime | None]:
    """Look up when each table was last written, from the end of its newest heap; None where it never was.

    A table is left out where that can not be known: no column tells, or this role may not read its partitions.
    """
    stamps = conn.execute(query("inspect.time_columns")).fetchall()
    found = {name: _last_write(conn, name, column) for name, column in stamps if column is not None}
    for name, signal in _SIGNALS.items():
        (changed,) = conn.execute(query("inspect.last_change"), (signal,)).fetchone() or (None,)
        if changed is not None or _is_untouched(conn, name):
            found[name] = changed
    return found


def _is_untouched(conn: psycopg.Connection, table: str) -> bool:
    return all(pages == 0 for _, pages in conn.execute(query("inspect.heaps"), {"table": table}))


def columns(conn: psycopg.Connection, table: str) -> list[Column]:
    """List the columns of a table that exists, in their order."""
    return _about(conn, Column, "inspect.columns", table)


def indexes(conn: psycopg.Connection, table: str) -> list[Index]:
    """List the indexes of a table that exists, its primary key first."""
    return _about(conn, Index, "inspect.indexes", table)


def coverage(conn: psycopg.Connection) -> list[Coverage]:
    """List every tenant and namespace. Time grows with the items, not with the rows: a second for 100,000 items."""
    return conn.cursor(row_factory=class_row(Coverage)).execute(query("inspect.coverage")).fetchall()


def _about(conn: psycopg.Connection, kind: type[_Row], name: str, table: str) -> list[_Row]:
    return conn.cursor(row_factory=class_row(kind)).execute(query(name), {"table": table}).fetchall()


def _last_write(conn: psycopg.Connection, table: str, column: str) -> datetime | None:
    for heap, pages in conn.execute(query("inspect.heaps"), {"table": table}).fetchall():
        newest = sql.SQL("select max({}) from only {} where ctid >= {}::tid").format(
            sql.Identifier(column), sql.Identifier(heap), sql.Literal(f"({max(pages - _TAIL_PAGES, 0)},0)")
        )
        found: tuple[Any, ...] | None = conn.execute(newest).fetchone()
        if found is not None and found[0] is not None:
            stamp: datetime = found[0]
            return stamp
    return None
