"""What a host knew of its tenants and keys serves a start without the database, and is put right once it is back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from recsys.db.pool import Database
from recsys.errors import DatabaseUnavailable, TenantNotFound
from recsys.tenancy import keys, tenants
from recsys.tenancy.directory import Directory
from recsys.tenancy.kept import Kept
from recsys.tenancy.keyring import Keyring
from recsys.tenancy.keys import NewKey, digest
from recsys.tenancy.tenants import Tenant

NOW = datetime.now(UTC)
DOCUMENTS = """
    with config as (
        insert into tenant_config_versions (tenant_id, config) values (%(tenant)s, '{"limits": {"max_k": 7}}')
        returning id
    ),
    rules as (insert into tenant_rule_versions (tenant_id, rules) values (%(tenant)s, '[]') returning id),
    live as (insert into tenant_configs_current (tenant_id, config_version_id) select %(tenant)s, id from config)
    insert into tenant_rules_current (tenant_id, rules_version_id) select %(tenant)s, id from rules
"""


@pytest.fixture
def acme(database: Database) -> Tenant:
    """Create a tenant with a config and rules."""
    with database.system() as conn:
        acme = tenants.create(conn, "acme", "Acme")
    with database.owner() as conn:
        conn.execute(DOCUMENTS, {"tenant": acme.id})
    return acme


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """Have an empty folder."""
    return Kept(tmp_path / "kept")


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Let nobody reach the database while this holds something."""
    gone: list[bool] = []
    begin = Database._begin

    def refuse(self: Database, *args: object) -> psycopg.Connection:
        if gone:
            raise DatabaseUnavailable
        return begin(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Database, "_begin", refuse)
    return gone


def test_a_tenant_is_served_as_it_was_known(
    database: Database, operator: psycopg.Connection, acme: Tenant, kept: Kept, away: list[bool]
) -> None:
    """By external id and by UUID, with its documents; a stranger is not there; once it can be read, it is."""
    known = Directory(database, kept).fetch("acme")
    away.append(True)
    directory = Directory(database, kept)
    for name in ("acme", str(acme.id)):
        view = directory.fetch(name)
        assert (view.tenant, view.config, view.config_etag) == (known.tenant, known.config, known.config_etag)
        assert view.rules is not None
        assert view.rules_etag == known.rules_etag
    with pytest.raises(DatabaseUnavailable):
        directory.fetch("stranger")
    operator.execute("update tenants set status = 'suspended'")
    directory.catch_up()
    away.clear()
    directory.catch_up()
    view_now = directory.get("acme")
    assert view_now is not None
    assert view_now.tenant.status == "suspended"
    away.append(True)
    assert Directory(database, kept).fetch("acme").tenant.status == "suspended"


def test_a_tenant_that_is_gone_is_kept_no_longer(
    database: Database, operator: psycopg.Connection, acme: Tenant, kept: Kept, away: list[bool]
) -> None:
    """A process that notices the removal removes what the host kept."""
    directory = Directory(database, kept)
    directory.fetch("acme")
    operator.execute("set session_replication_role = replica; delete from tenants")
    directory.forget(acme.id)
    away.append(True)
    for name in ("acme", str(acme.id)):
        with pytest.raises(DatabaseUnavailable):
            Directory(database, kept).fetch(name)


def test_a_damaged_document_is_as_good_as_none(
    database: Database, acme: Tenant, kept: Kept, away: list[bool], tmp_path: Path
) -> None:
    """It is read again as soon as the database is there."""
    Directory(database, kept).fetch("acme")
    for path in (tmp_path / "kept").iterdir():
        path.write_text('{"id"')
    away.append(True)
    with pytest.raises(DatabaseUnavailable):
        Directory(database, kept).fetch("acme")
    away.clear()
    assert Directory(database, kept).fetch("acme").tenant == acme
    with pytest.raises(TenantNotFound):
        Directory(database, kept).fetch("stranger")


def test_a_key_is_believed_as_it_was_known(
    database: Database, operator: psycopg.Connection, acme: Tenant, kept: Kept, away: list[bool]
) -> None:
    """Its hash is on the host's disk, not the key; a revocation that this host heard of holds."""
    with database.service(acme.id) as conn:
        created = keys.create(conn, acme.id, NewKey(name="web"), now=NOW)
    key_hash = digest(created.text.encode()) or b""
    known = Keyring(database, kept).fetch(key_hash)
    assert known is not None
    away.append(True)
    keyring = Keyring(database, kept)
    assert keyring.fetch(key_hash) == known
    with pytest.raises(DatabaseUnavailable):
        keyring.fetch(b"a stranger's")
    operator.execute("update tenant_api_keys set revoked_at = now()")
    away.clear()
    keyring.catch_up()
    away.append(True)
    revoked = Keyring(database, kept).fetch(key_hash)
    assert revoked is not None
    assert revoked.objection(NOW) == "revoked"
