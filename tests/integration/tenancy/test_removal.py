"""A deleted tenant is removed completely, by the documented commands, whatever interrupts."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from recsys.db.pool import Database
from recsys.db.provision import Urls
from recsys.errors import Conflict
from recsys.tenancy import removal, tenants
from recsys.tenancy.tenants import Tenant

PAGE = (Path(__file__).parents[3] / "docs" / "howto" / "remove-a-tenant.md").read_text(encoding="utf-8")
DELETE, REMOVE, LOOK = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
NEIGHBOUR = UUID("018f0000-0000-7000-8000-00000000000b")

A_ROW_IN_EVERY_TABLE = """
    insert into tenant_api_keys (tenant_id, name, key_prefix, key_hash) values (:tenant, 'k', 'p', sha256(:tenant));
    insert into tenant_config_versions (tenant_id, config) values (:tenant, '{}');
    insert into tenant_configs_current select :tenant, id from tenant_config_versions where tenant_id = :tenant;
    insert into tenant_rule_versions (tenant_id, rules) values (:tenant, '[]');
    insert into tenant_rules_current select :tenant, id from tenant_rule_versions where tenant_id = :tenant;
    insert into item_tags (tenant_id, namespace, item_id) select :tenant, 'home', n from generate_series(1, 9) as n;
    insert into item_popularity_daily values (:tenant, 'home', 'x', '2026-05-01', 1);
    insert into item_covisit_daily values (:tenant, 'home', 'x', 'y', '2026-05-01', 1);
    insert into exposure_events (id, tenant_id, occurred_at, request_id, surface, item_ids)
        values (gen_random_uuid(), :tenant, now(), 'r', 'home', '{x}');
    insert into interaction_events (event_id, tenant_id, occurred_at, event_type, item_id)
        values (:tenant, :tenant, now(), 'view', 'x');
    insert into audit_log (tenant_id, actor_type, action) values (:tenant, 'system', 'x');
    insert into cache_invalidation_events (tenant_id, targets) values (:tenant, '{config}');
    insert into signal_days_touched (tenant_id, surface, day) values (:tenant, 'home', '2026-05-01');
    insert into signal_days_cut_off (tenant_id, namespace, day, visits, events)
        values (:tenant, 'home', '2026-05-01', 1, 9);
    insert into dead_letters (tenant_id, kind, record, reason) values (:tenant, 'exposure', 'x', 'x');
    insert into erasures (tenant_id, user_key) values (:tenant, 'x');
"""
KEPT = {"tenant_removals", "signal_changes"}
"""The record of the removal, and the word to every host that the tenant changed."""


@pytest.fixture
def acme(database: Database, operator: psycopg.Connection) -> Tenant:
    """Make a tenant and a neighbour, each with a row in every table."""
    with database.system() as conn:
        made = tenants.create(conn, "acme")
    operator.execute("insert into tenants (id, external_id, name) values (%s, 'neighbour', 'N')", (NEIGHBOUR,))
    for tenant in (made.id, NEIGHBOUR):
        operator.execute(A_ROW_IN_EVERY_TABLE.replace(":tenant", f"'{tenant}'").encode())
    return made


def _tables(conn: psycopg.Connection) -> list[tuple[str, str]]:
    """List every table with a tenant, partitions aside, with the column that names the tenant."""
    return conn.execute("""
        select relname, attname from pg_class join pg_attribute on attrelid = pg_class.oid
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
            and (attname = 'tenant_id' or relname = 'tenants' and attname = 'id')
    """).fetchall()


def _tables_with(conn: psycopg.Connection, tenant: UUID) -> set[str]:
    """Name every table that holds a row of the tenant."""
    any_row = sql.SQL("select 1 from {} where {} = %s limit 1")
    return {
        table
        for table, column in _tables(conn)
        if conn.execute(any_row.format(sql.Identifier(table), sql.Identifier(column)), (tenant,)).rowcount
    }


def test_nothing_of_the_tenant_is_left_in_any_table(
    database: Database, operator: psycopg.Connection, acme: Tenant
) -> None:
    """Of a tenant with a row in every table only the record of its removal is left; the neighbour keeps everything."""
    before = _tables_with(operator, acme.id)
    assert before == _tables_with(operator, NEIGHBOUR)
    with database.system() as conn:
        deleted = tenants.set_status(conn, acme.id, "deleted")
    removal.remove(database, deleted, told=lambda _: None)
    assert _tables_with(operator, acme.id) == KEPT
    assert _tables_with(operator, NEIGHBOUR) == before
    every = {table for table, _ in _tables(operator)}
    assert every - before == {"tenant_removals"}, "a table of which this test knows nothing"


def test_what_was_interrupted_goes_on(database: Database, operator: psycopg.Connection, acme: Tenant) -> None:
    """A removal that is stopped after a batch keeps what it did, and the next one ends it."""

    def stop(reached: removal.Removal) -> None:
        assert not reached.finished
        raise KeyboardInterrupt

    with database.system() as conn:
        deleted = tenants.set_status(conn, acme.id, "deleted")
    with pytest.raises(KeyboardInterrupt):
        removal.remove(database, deleted, batch=4, told=stop)
    left = operator.execute("select sum(value::int) from tenant_removals, jsonb_each_text(rows_removed)").fetchone()
    assert left == (4,)
    told: list[removal.Removal] = []
    done = removal.remove(database, deleted, batch=4, told=told.append)
    assert len(told) > 2
    assert removal.removed(database, "acme") == removal.removed(database, str(acme.id)) == done
    assert sum(done.rows.values()) > 20


def test_a_tenant_that_is_served_is_not_removed(database: Database, acme: Tenant) -> None:
    """The refusal says to delete it first."""
    with pytest.raises(Conflict, match="Delete it first"):
        removal.remove(database, acme, told=lambda _: None)


@pytest.mark.parametrize("login", ["superuser", "owner"])
def test_the_documented_sql_does_it(
    postgres: Any, database_name: str, operator: psycopg.Connection, urls: Urls, acme: Tenant, login: str
) -> None:
    """The page's SQL, as it is written, in plain psql: as a superuser, and as an owner who is none."""
    command = [postgres.binaries.program("psql"), "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "--tuples-only"]
    superuser = [postgres.conninfo(database_name)]
    command += superuser if login == "superuser" else [urls.owner, "-c", "set role recsys_owner"]
    for block in (DELETE, REMOVE):
        done = subprocess.run([*command, "-f", "-"], input=block, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    seen = subprocess.run([*command, "-f", "-"], input=LOOK, capture_output=True, text=True, check=True).stdout
    assert seen.count('"item_tags": 9') == 2
    assert _tables_with(operator, acme.id) == KEPT
    assert operator.execute("select count(*) from tenants where id = %s", (NEIGHBOUR,)).fetchone() == (1,)
