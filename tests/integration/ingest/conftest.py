"""A tenant, and files that the tests write themselves."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from recsys.db.pool import Database
from recsys.ingest.columns import Columns
from recsys.ingest.interaction_row import FIELDS, Reading
from recsys.ingest.policy import window
from recsys.ingest.source import DataFile

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)


@pytest.fixture
def tenant_id(operator: psycopg.Connection) -> UUID:
    """Make a tenant as an operator does."""
    row = operator.execute("insert into tenants (external_id, name) values ('acme', 'Acme') returning id").fetchone()
    assert row is not None
    tenant: UUID = row[0]
    return tenant


@pytest.fixture
def reading(database: Database, tenant_id: UUID) -> Reading:
    """Read rows as of NOW, under the policy of the database."""
    allowed = window(database, NOW)
    return Reading(
        tenant_id=tenant_id,
        secret=b"secret",
        now=NOW,
        earliest=allowed.earliest,
        latest=allowed.latest,
        remedy=allowed.remedy,
        event_type="view",
    )


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], DataFile]:
    """Write a CSV file of interactions."""

    def write(text: str, name: str = "events.csv") -> DataFile:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return DataFile(path, Columns(FIELDS))

    return write
