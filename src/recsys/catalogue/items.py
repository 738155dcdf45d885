"""Deleting items, and saying what the signal tables hold of one. Putting them is recsys.ingest.items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from recsys.db.queries import sql

DAYS = 90
NEIGHBORS = 50


@dataclass(frozen=True, slots=True)
class Known:
    """One row of `item_tags`."""

    tags: list[str]
    price: Decimal | None
    available: bool
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None


class DayScore(NamedTuple):
    """How much an item was wanted on one day."""

    day: date
    score: Decimal


class Neighbor(NamedTuple):
    """An item met together with this one: the sum of all its days, and the last of them."""

    item_id: str
    score: Decimal
    last_day: date


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that the signal tables hold of one item."""

    known: Known | None
    popularity: tuple[DayScore, ...]
    """The last DAYS days with a row, newest first."""
    neighbors: tuple[Neighbor, ...]
    """The NEIGHBORS strongest."""


def delete_items(conn: psycopg.Connection, tenant_id: UUID, namespace: str, item_ids: Sequence[str]) -> int:
    """Keep *item_ids* away until they are put again, in the caller's transaction; return how many were not away yet."""
    key = {"tenant_id": tenant_id, "namespace": namespace, "item_ids": sorted(set(item_ids))}
    row = conn.execute(sql("catalogue.delete_items"), key).fetchone()
    return int(row[0]) if row else 0


def find_item(conn: psycopg.Connection, tenant_id: UUID, namespace: str, item_id: str) -> Evidence | None:
    """Say what is known of an item; None if no signal table knows it."""
    key = {"tenant_id": tenant_id, "namespace": namespace, "item_id": item_id}
    known = conn.cursor(row_factory=class_row(Known)).execute(sql("catalogue.item"), key).fetchone()
    popularity = conn.execute(sql("catalogue.popularity"), key | {"days": DAYS}).fetchall()
    neighbors = conn.execute(sql("catalogue.neighbors"), key | {"neighbors": NEIGHBORS}).fetchall()
    if known is None and not popularity and not neighbors:
        return None
    return Evidence(known, tuple(DayScore(*row) for row in popularity), tuple(Neighbor(*row) for row in neighbors))
