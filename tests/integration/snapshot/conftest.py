"""A tenant with a few rows, and a clock that a test moves."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import psycopg
import pytest


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(hour=12)

    def __call__(self) -> datetime:
        """Return the present time."""
        return self.now

    def advance(self, **time: float) -> None:
        """Let time pass, as timedelta spells it."""
        self.now += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    """Stand at noon of today."""
    return Clock()


@pytest.fixture
def tenant(operator: psycopg.Connection) -> UUID:
    """Make a tenant as an operator does."""
    row = operator.execute("insert into tenants (external_id, name) values ('acme', 'Acme') returning id").fetchone()
    assert row
    return UUID(str(row[0]))


class Seed:
    """Writes rows as an operator does, with plain upserts."""

    def __init__(self, conn: psycopg.Connection, tenant_id: UUID) -> None:
        self.conn = conn
        self.tenant_id = tenant_id

    def of(self, tenant_id: UUID) -> Seed:
        """Write rows of another tenant."""
        return Seed(self.conn, tenant_id)

    def popularity(self, item_id: str, score: object, day: date | str, namespace: str = "home") -> None:
        """Upsert one row of item_popularity_daily."""
        self.conn.execute(
            "insert into item_popularity_daily (tenant_id, namespace, item_id, day, score) values (%s, %s, %s, %s, %s)"
            " on conflict (tenant_id, namespace, item_id, day) do update set score = excluded.score",
            (self.tenant_id, namespace, item_id, day, score),
        )

    def covisitation(
        self, item_id: str, neighbor_id: str, score: object, day: date | str, namespace: str = "home"
    ) -> None:
        """Upsert one row of item_covisit_daily."""
        self.conn.execute(
            "insert into item_covisit_daily (tenant_id, namespace, item_id, neighbor_id, day, score)"
            " values (%s, %s, %s, %s, %s, %s)"
            " on conflict (tenant_id, namespace, item_id, neighbor_id, day) do update set score = excluded.score",
            (self.tenant_id, namespace, item_id, neighbor_id, day, score),
        )

    def tags(self, item_id: str, *tags: str, available: bool = True, namespace: str = "home") -> None:
        """Upsert one row of item_tags."""
        self.conn.execute(
            "insert into item_tags (tenant_id, namespace, item_id, tags, available) values (%s, %s, %s, %s, %s)"
            " on conflict (tenant_id, namespace, item_id) do update"
            " set tags = excluded.tags, available = excluded.available",
            (self.tenant_id, namespace, item_id, list(tags), available),
        )


@pytest.fixture
def seed(operator: psycopg.Connection, tenant: UUID) -> Seed:
    """Write rows of the tenant."""
    return Seed(operator, tenant)
