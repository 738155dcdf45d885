"""A tenant whose visitors do things."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

import psycopg
import pytest

from recsys.db.pool import Database
from recsys.signals.build import Built, build
from recsys.tenancy.config import DEFAULTS, Config

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
"""Of today, so that there are partitions around it."""


class Shop:
    """A tenant: events are written as the drain writes them, signals built as the command does."""

    def __init__(self, conn: psycopg.Connection, database: Database, tenant_id: UUID) -> None:
        self.conn = conn
        self.database = database
        self.tenant_id = tenant_id
        self._numbers = count()

    def event(
        self,
        item_id: str,
        *,
        at: datetime = NOON,
        visitor: str | None = "ann",
        session: str | None = None,
        surface: str | None = "home",
        event_type: str = "view",
    ) -> None:
        """Store one event, and that its day was touched, in one transaction."""
        number = next(self._numbers)
        with self.conn.transaction():
            self.conn.execute(
                "insert into interaction_events (event_id, tenant_id, occurred_at, seq, user_key, session_id, surface,"
                " event_type, item_id) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    str(number),
                    self.tenant_id,
                    at,
                    number,
                    visitor.encode() if visitor else None,
                    session,
                    surface,
                    event_type,
                    item_id,
                ),
            )
            self.conn.execute(
                "insert into signal_days_touched (tenant_id, surface, day) values (%s, %s, %s)",
                (self.tenant_id, surface, at.astimezone(UTC).date()),
            )

    def visit(self, *items: str, at: datetime = NOON, **event: str | None) -> None:
        """Store events a minute apart."""
        for minute, item_id in enumerate(items):
            self.event(item_id, at=at + timedelta(minutes=minute), **event)  # type: ignore[arg-type]

    def build(self, config: Config = DEFAULTS, *, jobs: int = 1) -> Built:
        """Build what was touched."""
        return build(self.database, self.tenant_id, config, jobs=jobs, now=NOON + timedelta(hours=1))

    def popularity(self, namespace: str = "home") -> dict[tuple[str, int], float]:
        """Return (item, age in days) -> score."""
        rows = self.conn.execute(
            "select item_id, day, score from item_popularity_daily where tenant_id = %s and namespace = %s",
            (self.tenant_id, namespace),
        )
        return {(item_id, (NOON.date() - day).days): float(score) for item_id, day, score in rows}

    def covisitation(self, namespace: str = "home") -> dict[tuple[str, str, int], float]:
        """Return (item, neighbour, age in days) -> score."""
        rows = self.conn.execute(
            "select item_id, neighbor_id, day, score from item_covisit_daily where tenant_id = %s and namespace = %s",
            (self.tenant_id, namespace),
        )
        return {(item_id, other, (NOON.date() - day).days): float(score) for item_id, other, day, score in rows}

    def pairs(self, namespace: str = "home") -> set[str]:
        """Return the pairs as "ab", each once, whatever the day."""
        return {item_id + other for item_id, other, _ in self.covisitation(namespace) if item_id < other}


@pytest.fixture
def shop(operator: psycopg.Connection, database: Database) -> Shop:
    """Open a shop."""
    row = operator.execute("insert into tenants (external_id, name) values ('shop', 'Shop') returning id").fetchone()
    assert row
    for age in (0, 5, 10):  # the month may be young
        operator.execute("select recsys_ensure_partitions('interaction_events', %s)", (NOON - timedelta(days=age),))
    return Shop(operator, database, row[0])


@pytest.fixture
def noon() -> datetime:
    """Return noon of today."""
    return NOON
