"""Versions and audit rows are only ever added; a deleted tenant can be removed all the same."""

from __future__ import annotations

import hashlib
import json
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

APPEND_ONLY = ("tenant_config_versions", "tenant_rule_versions", "audit_log")


ROWS_OF_A_TENANT = """
    insert into tenant_config_versions (tenant_id, config) values (:tenant, '{}');
    insert into tenant_rule_versions (tenant_id, rules) values (:tenant, '[]');
    insert into tenant_configs_current (tenant_id, config_version_id)
        select tenant_id, id from tenant_config_versions where tenant_id = :tenant;
    insert into audit_log (tenant_id, actor_type, action) values (:tenant, 'system', 'test');
    insert into item_tags (tenant_id, namespace, item_id) select :tenant, 'home', n from generate_series(1, 10) as n;
    insert into interaction_events (tenant_id, event_id, occurred_at, event_type, item_id)
        select :tenant, n, now(), 'view', n from generate_series(1, 10) as n;
"""


def _tenant(conn: psycopg.Connection, external_id: str = "acme") -> UUID:
    """Make a tenant with a row in every kind of table."""
    tenant = uuid4()
    conn.execute("insert into tenants (id, external_id, name) values (%s, %s, 'A')", (tenant, external_id))
    conn.execute(ROWS_OF_A_TENANT.replace(":tenant", f"'{tenant}'").encode())
    return tenant


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("verb", ["update {} set tenant_id = tenant_id", "delete from {}", "truncate {} cascade"])
@pytest.mark.parametrize("role", ["postgres", "recsys_owner"])
def test_nobody_changes_what_was_written(operator: psycopg.Connection, table: str, verb: str, role: str) -> None:
    """Not even the owner or a superuser can update, delete or truncate versions and audit rows."""
    _tenant(operator)
    operator.execute(f"set role {role}")
    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        operator.execute(verb.format(table).encode())


@pytest.mark.parametrize("verb", ["update {} set action = 'x'", "delete from {}", "truncate {}"])
def test_a_partition_named_directly_is_append_only_too(operator: psycopg.Connection, verb: str) -> None:
    """The refusal holds on the partition that holds the row."""
    _tenant(operator)
    row = operator.execute("select tableoid::regclass::text from audit_log").fetchone()
    assert row is not None
    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        operator.execute(verb.format(row[0]).encode())


def test_the_mark_of_removal_helps_nobody_else(operator: psycopg.Connection) -> None:
    """Setting the mark by hand lets a superuser who is not the owner delete nothing."""
    tenant = _tenant(operator)
    operator.execute("select set_config('recsys.removing_tenant', %s, false)", (str(tenant),))
    with pytest.raises(psycopg.errors.RestrictViolation):
        operator.execute("delete from tenant_rule_versions")


def test_removal_is_for_deleted_tenants(operator: psycopg.Connection) -> None:
    """An active tenant is not removed, and the refusal says how to delete it first."""
    tenant = _tenant(operator)
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="active") as refused:
        operator.execute("select recsys_remove_tenant(%s)", (tenant,))
    assert "deleted" in (refused.value.diag.message_hint or "")


def test_removal_goes_on_until_nothing_is_left(operator: psycopg.Connection, owner: psycopg.Connection) -> None:
    """Batch by batch every row of the tenant goes, a detached partition's too; the neighbour and one audit row stay."""
    tenant, neighbour = _tenant(operator), _tenant(operator, "neighbour")
    operator.execute("select recsys_ensure_partitions('interaction_events', '2019-02-14Z')")
    operator.execute(
        "insert into interaction_events (tenant_id, event_id, occurred_at, event_type, item_id) "
        "values (%s, 'old', '2019-02-14Z', 'view', 'x')",
        (tenant,),
    )
    old = "interaction_events_20190201_20190301"
    operator.execute(f"alter table interaction_events detach partition {old}")
    operator.execute("update tenants set status = 'deleted' where id = %s", (tenant,))
    calls = 1
    while owner.execute("select recsys_remove_tenant(%s, 7)", (tenant,)).fetchone() == (False,):
        calls += 1
    assert calls > 3
    for table in ("tenant_config_versions", "tenant_configs_current", "item_tags", "interaction_events", old):
        left = operator.execute(sql.SQL("select distinct tenant_id from {}").format(sql.Identifier(table))).fetchall()
        assert left == ([] if table == old else [(neighbour,)])
    assert operator.execute("select id from tenants").fetchall() == [(neighbour,)]
    hashed = hashlib.sha256(b"acme").hexdigest()
    kept = operator.execute("select entity_id, extra from audit_log where action = 'tenant.remove'").fetchall()
    assert [row[0] for row in kept] == [hashed]
    assert kept[0][1]["item_tags"] == 10
    assert operator.execute("select from audit_log where tenant_id = %s", (tenant,)).rowcount == 0
    assert owner.execute("select recsys_remove_tenant(%s)", (tenant,)).fetchone() == (True,)


def test_removal_is_the_owners_alone(operator: psycopg.Connection) -> None:
    """Neither service nor system may execute it."""
    for role in ("recsys_service", "recsys_system"):
        operator.execute(f"set role {role}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            operator.execute("select recsys_remove_tenant(gen_random_uuid())")


def test_an_etag_is_the_hash_of_what_jsonb_says(operator: psycopg.Connection) -> None:
    """The generated etag is the SHA-256 of the document's canonical text, so spelling does not matter."""
    tenant = _tenant(operator)
    document = '{"weights": {"pop": 1.50, "cooc": 2},\n "flags": {}, "text": "\\\\ü\\u0041"}'
    row = operator.execute(
        "insert into tenant_config_versions (tenant_id, config) values (%s, %s) returning etag, config::text",
        (tenant, document),
    ).fetchone()
    assert row is not None
    assert row[0] == hashlib.sha256(row[1].encode()).hexdigest()
    with pytest.raises(psycopg.errors.UniqueViolation) as refused:
        operator.execute(
            "insert into tenant_config_versions (tenant_id, config) values (%s, %s)",
            (tenant, json.dumps(json.loads(document, parse_float=str)).replace('"1.50"', "1.50")),
        )
    assert refused.value.diag.constraint_name == "tenant_config_versions_tenant_id_etag_key"


@pytest.mark.parametrize(
    "setting", ["client_encoding = 'LATIN1'", "bytea_output = 'escape'", "standard_conforming_strings = off"]
)
def test_an_etag_is_the_same_in_every_session(operator: psycopg.Connection, setting: str) -> None:
    """Neither the encoding of the client nor how it is shown bytes changes the hash of a document."""
    operator.execute("create temporary table document as select jsonb_build_object('a', U&'\\00fc\\005c \\2603') as it")
    etag = "select recsys_etag(it) from document"
    before = operator.execute(etag).fetchone()
    operator.execute(f"set {setting}".encode())
    assert operator.execute(etag).fetchone() == before


def test_a_pointer_names_a_version_of_its_own_tenant(operator: psycopg.Connection) -> None:
    """A pointer can not be moved to another tenant's version."""
    _tenant(operator)
    other = _tenant(operator, "other")
    with pytest.raises(psycopg.errors.ForeignKeyViolation) as refused:
        operator.execute(
            "update tenant_configs_current set config_version_id = "
            "(select id from tenant_config_versions where tenant_id <> %s) where tenant_id = %s",
            (other, other),
        )
    assert refused.value.diag.constraint_name == "tenant_configs_current_version_fkey"
