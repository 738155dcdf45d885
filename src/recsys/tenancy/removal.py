"""Removes a deleted tenant for good: batch by batch, each in a transaction of its own, taken up wherever it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

import psycopg

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.errors import Conflict
from recsys.tenancy.tenants import Tenant, either

BATCH = 10_000
"""Rows of one transaction: it holds its locks for a moment, and an interruption loses no more work than that."""


class Removal(NamedTuple):
    """How far a removal is: rows gone by table (a partition is a table here), and whether the last one is."""

    rows: dict[str, int]
    finished: bool


def remove(database: Database, tenant: Tenant, *, batch: int = BATCH, told: Callable[[Removal], None]) -> Removal:
    """Remove every row of *tenant*, telling after each batch how far it is.

    Conflict unless the tenant is deleted; OwnerUnavailable or DatabaseUnavailable where only the service's login is
    known or the database goes away. Whatever stops it, the next call goes on from there.
    """
    if tenant.status != "deleted":
        raise Conflict(f"Tenant {tenant.external_id!r} is {tenant.status}. Delete it first; that can be taken back.")
    while True:
        with database.owner() as conn:
            conn.execute(sql("tenants.remove"), {"id": tenant.id, "batch": batch})
            reached = _read(conn, tenant.id)
        told(reached)
        if reached.finished:
            return reached


def removed(database: Database, name: str) -> Removal | None:
    """Find the removal of a tenant that may be gone, by its id or its external id; None when there was none."""
    with database.owner() as conn:
        row = conn.execute(sql("tenants.removed"), either(name)).fetchone()
    return Removal(*row) if row else None


def _read(conn: psycopg.Connection, tenant_id: UUID) -> Removal:
    row = conn.execute(sql("tenants.removed"), either(tenant_id)).fetchone()
    return Removal(*row) if row else Removal({}, finished=False)
