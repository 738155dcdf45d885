"""Tenants, on a real Postgres."""

from __future__ import annotations

from uuid import uuid4

import pytest

from recsys.db.pool import Database
from recsys.errors import Conflict, InvalidDocument, TenantNotFound
from recsys.tenancy import tenants
from recsys.tenancy.audit import SYSTEM, Actor, page


def test_a_tenant_is_found_by_external_id_and_by_uuid(database: Database) -> None:
    """Both names mean the same tenant, which is called by its external id where no name is given."""
    with database.system() as conn:
        acme = tenants.create(conn, "acme")
        assert (acme.name, acme.status) == ("acme", "active")
        assert tenants.find(conn, "acme") == tenants.find(conn, acme.id) == tenants.find(conn, str(acme.id)) == acme


@pytest.mark.parametrize(
    "name", ["ACME", "", "\0", "acme\0", "\udcff", "acme'; drop table tenants", "5b14c4bd-89e0-4d32-9ac7-c754ac17b654"]
)
def test_an_unknown_tenant_is_not_found(database: Database, name: str) -> None:
    """Names are compared exactly, and none of them is an error of the database."""
    with database.system() as conn:
        tenants.create(conn, "acme")
        with pytest.raises(TenantNotFound):
            tenants.find(conn, name)


def test_an_external_id_is_taken_once(database: Database) -> None:
    """The second tenant of a name is a conflict, and the transaction goes on."""
    with database.system() as conn:
        acme = tenants.create(conn, "acme")
        with pytest.raises(Conflict, match="acme"):
            tenants.create(conn, "acme", "Another")
        assert tenants.list_all(conn) == [acme]


@pytest.mark.parametrize(
    ("external_id", "name", "path"),
    [
        ("", None, "$.external_id"),
        ("a/b", None, "$.external_id"),
        ("..", None, "$.external_id"),
        ("a\nb", None, "$.external_id"),
        ("x" * 129, None, "$.external_id"),
        ("a", "", "$.name"),
        ("a", "x" * 257, "$.name"),
        ("a", "\0", "$.name"),
    ],
)
def test_what_can_not_be_a_tenant_is_refused(database: Database, external_id: str, name: str | None, path: str) -> None:
    """The problem is told before the database is asked."""
    with database.system() as conn, pytest.raises(InvalidDocument) as refused:
        tenants.create(conn, external_id, name)
    assert [problem.path for problem in refused.value.problems] == [path]


def test_tenants_are_listed_by_external_id(database: Database) -> None:
    """In code point order, whatever the collation of the database."""
    with database.system() as conn:
        for name in ("b", "a", "B", "é"):
            tenants.create(conn, name)
        assert [tenant.external_id for tenant in tenants.list_all(conn)] == ["B", "a", "b", "é"]


def test_every_change_is_audited_once(database: Database) -> None:
    """Creating, renaming, suspending and resuming leave a row with before and after; changing nothing leaves none."""
    anna = Actor("user", "anna")
    with database.system() as conn:
        acme = tenants.create(conn, "acme", "Acme", actor=anna)
    for _ in range(2):
        with database.system() as conn:
            tenants.rename(conn, acme.id, "Apex", actor=anna)
    for status in ("suspended", "suspended", "active"):
        with database.system() as conn:
            assert tenants.set_status(conn, acme.id, status, actor=anna).status == status
    with database.service(acme.id) as conn:
        entries = page(conn, acme.id)
    assert [entry.action for entry in entries] == ["tenant.resume", "tenant.suspend", "tenant.rename", "tenant.create"]
    assert entries[2].before_state == {"external_id": "acme", "name": "Acme", "status": "active"}
    assert entries[2].after_state == {"external_id": "acme", "name": "Apex", "status": "active"}
    assert {(entry.actor_type, entry.actor_sub, entry.entity_id) for entry in entries} == {("user", "anna", "acme")}


def test_a_tenant_that_is_not_there_can_not_be_changed(database: Database) -> None:
    """Changing nobody is TenantNotFound."""
    with database.system() as conn, pytest.raises(TenantNotFound):
        tenants.set_status(conn, uuid4(), "suspended", actor=SYSTEM)
