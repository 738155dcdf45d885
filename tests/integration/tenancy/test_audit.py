"""The audit log while several write to it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from uuid import UUID

import psycopg
import pytest

from recsys.db.pool import Database
from recsys.tenancy import audit, tenants
from recsys.tenancy.audit import SYSTEM, Change, record


@pytest.fixture
def tenant_id(database: Database) -> UUID:
    """Create a tenant."""
    with database.system() as conn:
        return tenants.create(conn, "acme").id


def add(opened: Callable[[], AbstractContextManager[psycopg.Connection]], tenant_id: UUID | None, name: str) -> None:
    """Write one entry in a transaction of its own."""
    with opened() as conn:
        record(conn, tenant_id, Change(f"test.{name}", "test", name), SYSTEM)


def waits_for_a_lock(operator: psycopg.Connection) -> bool:
    """Tell whether some transaction waits for an advisory lock."""
    row = operator.execute(
        "select exists (select from pg_locks where locktype = 'advisory' and not granted)"
    ).fetchone()
    return row is not None and bool(row[0])


@pytest.mark.parametrize("of_installation", [False, True])
def test_no_entry_appears_behind_one_that_was_read(
    database: Database, operator: psycopg.Connection, tenant_id: UUID, *, of_installation: bool
) -> None:
    """Of two transactions that overlap, the one that wrote first is visible first, so pages skip nothing."""
    whose = None if of_installation else tenant_id

    def actions() -> list[str]:
        with database.system() as conn:
            return [entry.action for entry in audit.page(conn, whose) if entry.entity_type == "test"]

    with ThreadPoolExecutor(1) as pool:
        with database.system() as first:
            record(first, whose, Change("test.first", "test", "first"), SYSTEM)
            second = pool.submit(add, database.system, whose, "second")
            while not second.done() and not waits_for_a_lock(operator):
                pass
            read = actions()
        second.result()
    after = actions()
    assert after == ["test.second", "test.first"]
    assert after[len(after) - len(read) :] == read
