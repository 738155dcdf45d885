"""What has changed in the database since the last look at its log of changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import psycopg

from recsys.db.queries import sql
from recsys.snapshot.origin import Origin

KEPT = timedelta(hours=20)
"""Rows of the log are kept for 24 hours; after a longer pause it may have lost some."""

_NOTHING_YET = 2**64 - 1
"""A transaction id that no row has: the first look asks for the horizon alone."""

_SIGNALS = {"tags", "popularity", "covisitation"}


@dataclass(frozen=True, slots=True)
class Changes:
    """What must be read anew. None as a tenant means every tenant, None as a namespace every one of the tenant."""

    everything: bool = False
    """The log can not tell: this was the first look, or the log does not reach back to the one before."""
    namespaces: set[tuple[UUID | None, str | None]] = field(default_factory=set)
    """Catalogues whose signals changed."""
    tenants: set[UUID | None] = field(default_factory=set)
    """Tenants whose status, documents or keys changed."""


class _Row(NamedTuple):
    horizon: str
    id: UUID | None
    xid: str | None
    tenant_id: UUID | None
    namespace: str | None
    signal: str | None


class ChangeLog:
    """Where this process is in `signal_changes`.

    Transactions commit in another order than they began, so no row's number says what is behind it. A look therefore
    reads from the oldest transaction that was still open at the look before, and skips the rows that it has seen.
    """

    def __init__(self) -> None:
        self._horizon: int | None = None
        self._seen: set[UUID] = set()
        self._looked: datetime | None = None

    def look(self, conn: psycopg.Connection, now: datetime) -> Changes:
        """Return what was committed since the last look, in one query."""
        asked = _NOTHING_YET if self._horizon is None else self._horizon
        rows = [_Row(*row) for row in conn.execute(sql("changes.since"), {"horizon": str(asked)})]
        horizon = int(rows[0].horizon)
        lost = self._looked is None or now - self._looked > KEPT or horizon < asked != _NOTHING_YET
        fresh = [row for row in rows if row.id is not None and row.id not in self._seen]
        self._horizon, self._looked = horizon, now
        self._seen = {row.id for row in rows if row.id is not None and int(row.xid or 0) >= horizon}
        return Changes(
            lost,
            {(row.tenant_id, row.namespace) for row in fresh if row.signal in _SIGNALS},
            {row.tenant_id for row in fresh if row.signal not in _SIGNALS},
        )


def origin_of(conn: psycopg.Connection) -> Origin:
    """Say what a snapshot that is read in this transaction is made of."""
    row = conn.execute(sql("changes.origin")).fetchone()
    assert row is not None  # noqa: S101  a select without a from
    return Origin(*row)
