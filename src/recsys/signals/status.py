"""What the signal tables of a tenant hold, and which days wait to be built."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from recsys.db.queries import sql


class Table(NamedTuple):
    """One signal of one namespace."""

    namespace: str
    signal: str
    rows: int
    items: int
    first_day: date | None
    last_day: date | None


class Bots(NamedTuple):
    """What the builds of one namespace left out because no person does so much on one day."""

    namespace: str
    days: int
    visits: int
    events: int
    last_day: date


class Pending(NamedTuple):
    """A day of a surface (None: events without one) whose events have changed since it was built."""

    surface: str | None
    day: date


def tables(conn: psycopg.Connection, tenant_id: UUID) -> list[Table]:
    """Count every signal of every namespace; reads the tables, some seconds at tens of millions of rows."""
    with conn.cursor(row_factory=class_row(Table)) as cursor:
        return cursor.execute(sql("signals.status"), {"tenant_id": tenant_id}).fetchall()


def bots(conn: psycopg.Connection, tenant_id: UUID) -> list[Bots]:
    """Sum up by namespace who was taken for a bot."""
    with conn.cursor(row_factory=class_row(Bots)) as cursor:
        return cursor.execute(sql("signals.cut_offs"), {"tenant_id": tenant_id}).fetchall()


def pending(conn: psycopg.Connection, tenant_id: UUID) -> list[Pending]:
    """List the days that the next build will build, by day."""
    with conn.cursor(row_factory=class_row(Pending)) as cursor:
        return cursor.execute(sql("signals.pending"), {"tenant_id": tenant_id}).fetchall()
