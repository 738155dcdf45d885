"""What a process knows of its tenants, on a real Postgres."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import psycopg
import pytest

from recsys.db.pool import Database
from recsys.errors import TenantNotFound
from recsys.rules.live import NO_RULES
from recsys.snapshot.columns import Columns
from recsys.snapshot.freeze import freeze
from recsys.tenancy import tenants
from recsys.tenancy.config import SignalParams
from recsys.tenancy.directory import Directory
from recsys.tenancy.store import CONFIG, RULES, Versions
from recsys.tenancy.tenants import Tenant


@pytest.fixture
def acme(database: Database) -> Tenant:
    """Create a tenant."""
    with database.system() as conn:
        return tenants.create(conn, "acme", "Acme")


def put(operator: psycopg.Connection, tenant: Tenant, config: object) -> str:
    """Publish a config as an operator with psql does; return its etag."""
    row = operator.execute(
        "with version as (insert into tenant_config_versions (tenant_id, config) values (%s, %s)"
        " returning tenant_id, id, etag), pointer as (insert into tenant_configs_current (tenant_id, config_version_id)"
        " select tenant_id, id from version on conflict (tenant_id) do update"
        " set config_version_id = excluded.config_version_id) select etag from version",
        (tenant.id, json.dumps(config)),
    ).fetchone()
    assert row is not None
    return str(row[0])


def test_a_tenant_is_known_only_after_it_was_fetched(database: Database, acme: Tenant) -> None:
    """`get` does no I/O: it knows what `fetch` has read, by the name that was asked for."""
    directory = Directory(database)
    assert directory.get("acme") is None
    view = directory.fetch("acme")
    assert view.tenant == acme
    assert directory.get("acme") is view
    assert directory.get("ACME") is None


def test_a_tenant_is_found_by_its_uuid_too(database: Database, acme: Tenant) -> None:
    """The external id and the UUID name the same tenant."""
    directory = Directory(database)
    assert directory.fetch(str(acme.id)).tenant == acme
    assert directory.fetch(str(acme.id).upper()).tenant == acme


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("name", ["nobody", "", "a\0cme", "\ud800", "x" * 300, "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_name_is_not_found(database: Database, name: str) -> None:
    """Whatever is asked for, what is not a tenant's name is TenantNotFound."""
    with pytest.raises(TenantNotFound):
        Directory(database).fetch(name)


def test_a_uuid_wins_over_an_external_id_that_looks_like_it(database: Database, acme: Tenant) -> None:
    """Nobody takes over a tenant by calling their own like its UUID."""
    with database.system() as conn:
        tenants.create(conn, str(acme.id), "An impostor")
    assert Directory(database).fetch(str(acme.id)).tenant == acme


@pytest.mark.usefixtures("acme")
def test_a_tenant_without_documents_has_none(database: Database) -> None:
    """No config and no rules are None, and so are their etags."""
    view = Directory(database).fetch("acme")
    assert (view.config, view.config_etag, view.rules, view.rules_etag) == (None, None, None, None)


def test_a_changed_config_is_live_after_forget(database: Database, operator: psycopg.Connection, acme: Tenant) -> None:
    """A pointer that SQL moved is followed; until then the view that was known serves."""
    directory = Directory(database)
    before = directory.fetch("acme")
    etag = put(operator, acme, {"limits": {"max_k": 7}})
    assert directory.get("acme") is before
    directory.forget(acme.id)
    after = directory.get("acme")
    assert after is not None
    assert after.config is not None
    assert (after.config.request("home").max_k, after.config_etag) == (7, etag)


def test_a_document_written_around_the_checks_is_not_put_in_force(
    database: Database, operator: psycopg.Connection, acme: Tenant
) -> None:
    """A config that SQL stored and no check would have accepted leaves the last good one in force."""
    directory = Directory(database)
    good = put(operator, acme, {"limits": {"max_k": 7}})
    directory.fetch("acme")
    put(operator, acme, {"limits": {"max_k": "many"}})
    directory.forget(None)
    view = directory.get("acme")
    assert view is not None
    assert view.config is not None
    assert (view.config.request("home").max_k, view.config_etag) == (7, good)
    fresh = Directory(database).fetch("acme")
    assert (fresh.config, fresh.config_etag) == (None, None)


def test_a_tenant_that_was_renamed_by_sql_is_dropped_under_its_old_name(
    database: Database, operator: psycopg.Connection, acme: Tenant
) -> None:
    """An old external id stops working when the change is followed."""
    directory = Directory(database)
    directory.fetch("acme")
    operator.execute("update tenants set external_id = 'apex' where id = %s", (acme.id,))
    directory.forget(acme.id)
    assert directory.get("acme") is None
    assert directory.fetch("apex").tenant.id == acme.id


def test_the_last_good_view_serves_while_the_database_is_away(
    database: Database, operator: psycopg.Connection, acme: Tenant
) -> None:
    """A change that can not be read is remembered and read by `catch_up`; nobody is refused meanwhile."""
    directory = Directory(database)
    before = directory.fetch("acme")
    put(operator, acme, {"limits": {"max_k": 7}})
    directory._database = Database("host=/nonexistent dbname=x", "host=/nonexistent dbname=x", prefix="recsys")
    directory._database._pool.open()
    directory._database._pool.timeout = 0.05
    try:
        directory.forget(acme.id)
    finally:
        directory._database.close()
    assert directory.get("acme") is before
    directory._database = database
    directory.catch_up()
    after = directory.get("acme")
    assert after is not None
    assert after.config_etag is not None


def test_what_has_not_changed_is_not_read_anew(database: Database, operator: psycopg.Connection, acme: Tenant) -> None:
    """A document with a known etag is not parsed again, and a tenant without a change keeps its view."""
    directory = Directory(database)
    put(operator, acme, {"limits": {"max_k": 7}})
    before = directory.fetch("acme")
    directory.forget(acme.id)
    assert directory.get("acme") is before
    operator.execute("update tenants set name = 'Apex' where id = %s", (acme.id,))
    directory.forget(acme.id)
    after = directory.get("acme")
    assert after is not None
    assert (after.tenant.name, after.config is before.config) == ("Apex", True)


def test_rules_are_live_where_config_does_not_turn_them_off(database: Database, acme: Tenant) -> None:
    """`flags.enable_rules` decides for each surface; without rules nothing steers."""
    now = datetime(2026, 5, 20, tzinfo=UTC)
    shop = freeze(
        Columns.from_rows(tags=[("a", (), True)]), SignalParams(), tenant_id=acme.id, namespace="shop", now=now
    )
    directory = Directory(database)
    assert directory.fetch("acme").live(shop, "home", "default", now) is NO_RULES
    with database.service(acme.id) as conn:
        Versions(conn, acme.id, RULES).publish(b'[{"action": "block", "item_ids": ["a"]}]')
        Versions(conn, acme.id, CONFIG).publish(b'{"surfaces": {"cart": {"flags": {"enable_rules": false}}}}')
    directory.forget(acme.id)
    view = directory.fetch("acme")
    assert view.live(shop, "cart", "default", now) is NO_RULES
    assert view.live(shop, "home", "default", now).blocked is not None
    assert view.live(shop, "home", "default", now) is view.live(shop, "other", "vip", now)
