"""Postgres itself refuses: no statement of the service shows or changes another tenant's rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from recsys.db.pool import Database
from recsys.db.provision import Urls
from recsys.errors import IsolationError, MigrationError
from recsys.settings import Settings

MINE = UUID("018f0000-0000-7000-8000-00000000000a")
THEIRS = UUID("018f0000-0000-7000-8000-00000000000b")

SEED = """
    insert into tenants (id, external_id, name) values (:tenant, :tenant, 'x');
    insert into tenant_api_keys (tenant_id, name, key_prefix, key_hash) values (:tenant, 'k', 'p', sha256(:tenant));
    insert into tenant_config_versions (tenant_id, config) values (:tenant, '{}');
    insert into tenant_configs_current select :tenant, id from tenant_config_versions where tenant_id = :tenant;
    insert into tenant_rule_versions (tenant_id, rules) values (:tenant, '[]');
    insert into tenant_rules_current select :tenant, id from tenant_rule_versions where tenant_id = :tenant;
    insert into item_tags (tenant_id, namespace, item_id) values (:tenant, 'home', :tenant);
    insert into item_popularity_daily values (:tenant, 'home', :tenant, '2026-05-01', 1);
    insert into item_covisit_daily values (:tenant, 'home', :tenant, 'y', '2026-05-01', 1);
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
    insert into tenant_removals (tenant_id, external_id_hash) values (:tenant, 'x');
"""

LOGS = ("exposure_events", "interaction_events", "audit_log")

STATEMENTS = {
    "read": "select * from {table}",
    "read theirs": "select * from {table} where {key} = {theirs}",
    "read behind a function": "select t from {table} as t where t::text like '%%' || {theirs}::text || '%%'",
    "read with a lock": "select * from {table} for update",
    "read by COPY": "copy (select * from {table}) to stdout",
    "read by join": "select b.* from {table} as a full join {table} as b on true",
    "count theirs": "select {theirs} from {table} where {key} = {theirs} having count(*) > 0",
    "update theirs": "update {table} set {key} = {key} where {key} = {theirs} returning {table}.*",
    "take theirs": "update {table} set {key} = {mine} where {key} = {theirs} returning {table}.*",
    "give them ours": "update {table} set {key} = {theirs}",
    "delete": "delete from {table}",
    "delete theirs": "delete from {table} where {key} = {theirs} returning {table}.*",
    "insert a copy as theirs": (
        "insert into {table} select (jsonb_populate_record(t, {as_theirs})).* from {table} as t where {key} = {mine}"
    ),
    "truncate": "truncate {table} cascade",
    "lock": "lock table {table} in access exclusive mode",
    "see without a tenant": "select set_config('app.tenant_id', '', true); select * from {table}",
    "drop the policy": "drop policy service_sees_one_tenant on {table}",
    "switch security off": "alter table {table} disable row level security",
    "switch security off for us": "set local row_security = off; select * from {table}",
}

GRANTS = {
    "recsys_service": {
        "audit_log": "ar",
        "cache_invalidation_events": "arw",
        "exposure_events": "ar",
        "interaction_events": "ar",
        "item_covisit_daily": "adrw",
        "item_popularity_daily": "adrw",
        "item_tags": "adrw",
        "partition_policies": "r",
        "schema_migrations": "r",
        "signal_days_touched": "ar",
        "tenant_api_keys": "arw",
        "tenant_config_versions": "ar",
        "tenant_configs_current": "arw",
        "tenant_rule_versions": "ar",
        "tenant_rules_current": "arw",
        "tenants": "r",
    },
    "recsys_system": {
        "audit_log": "ar",
        "cache_invalidation_events": "arw",
        "dead_letters": "adrw",
        "erasures": "arw",
        "exposure_events": "adr",
        "interaction_events": "adr",
        "item_covisit_daily": "adrw",
        "item_popularity_daily": "adrw",
        "item_tags": "adrw",
        "partition_policies": "r",
        "partition_retirements": "r",
        "schema_migrations": "r",
        "signal_changes": "adr",
        "signal_days_cut_off": "adrw",
        "signal_days_touched": "adr",
        "spool_positions": "adrw",
        "tenant_api_keys": "arw",
        "tenant_config_versions": "ar",
        "tenant_configs_current": "arw",
        "tenant_rule_versions": "ar",
        "tenant_rules_current": "arw",
        "tenant_removals": "r",
        "tenants": "arw",
    },
    "recsys_app": {},
    "public": {},
}
"""Everything that is granted: a (insert), d (delete), r (select), w (update)."""


@pytest.fixture
def two_tenants(operator: psycopg.Connection) -> psycopg.Connection:
    """Connect as a superuser to a database where two tenants have a row in every table."""
    for tenant in (MINE, THEIRS):
        operator.execute(SEED.replace(":tenant", f"'{tenant}'").encode())
    return operator


def _tables(conn: psycopg.Connection) -> list[tuple[str, str]]:
    """List every relation with a tenant, partitions included, with the column that names the tenant."""
    return conn.execute("""
        select relname, attname from pg_class join pg_attribute on attrelid = pg_class.oid
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm')
            and (attname = 'tenant_id' or relname = 'tenants' and attname = 'id')
        order by relname
    """).fetchall()


def _theirs(conn: psycopg.Connection, tables: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Read what belongs to the other tenant, as text, past every policy."""
    found = {}
    for table, key in tables:
        statement = sql.SQL("select t::text from {} as t where {} = %s order by 1").format(
            sql.Identifier(table), sql.Identifier(key)
        )
        found[table] = [row for (row,) in conn.execute(statement, (THEIRS,)).fetchall()]
    return found


def _spell(template: str, table: str, key: str) -> sql.Composed:
    return sql.SQL(template.replace("%%", "%")).format(  # type: ignore[arg-type]
        table=sql.Identifier(table),
        key=sql.Identifier(key),
        mine=sql.Literal(MINE),
        theirs=sql.Literal(THEIRS),
        as_theirs=sql.SQL("jsonb_build_object({}, {})").format(sql.Literal(key), sql.Literal(THEIRS)),
    )


def _results(conn: psycopg.Connection, statement: sql.Composed) -> Iterator[object]:
    """Run one statement and yield everything it shows; a refusal shows nothing."""
    try:
        with conn.transaction(), conn.cursor() as cursor:
            if statement.as_string().startswith("copy"):
                with cursor.copy(statement) as copy:
                    yield from (bytes(piece).decode() for piece in copy)
                return
            cursor.execute(statement.as_string().encode())
            while True:
                yield from cursor.fetchall() if cursor.description else ()
                if not cursor.nextset():
                    return
    except psycopg.Error as refused:
        # What Postgres does not understand proves nothing; privilege, generated column, no such policy are refusals.
        if (refused.sqlstate or "").startswith("42") and refused.sqlstate not in {"42501", "428C9", "42704"}:
            raise


@pytest.mark.usefixtures("own_schema")
def test_no_statement_reaches_another_tenant(two_tenants: psycopg.Connection) -> None:
    """Whatever one transaction of the service does, the other tenant's rows are neither seen nor changed."""
    conn = two_tenants
    tables = _tables(conn)
    before = _theirs(conn, tables)
    assert all(rows for table, rows in before.items() if not table.endswith("01")), "every table has a row of theirs"
    one = st.tuples(st.sampled_from(sorted(STATEMENTS)), st.sampled_from(tables))

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(one, min_size=1, max_size=6))
    def check(program: list[tuple[str, tuple[str, str]]]) -> None:
        with conn.transaction(force_rollback=True):
            conn.execute("set local role recsys_service")
            conn.execute("select set_config('app.tenant_id', %s, true)", (str(MINE),))
            seen = [row for name, table in program for row in _results(conn, _spell(STATEMENTS[name], *table))]
            conn.execute("reset role")
            assert str(THEIRS) not in repr(seen)
            assert _theirs(conn, tables) == before

    check()


@pytest.mark.parametrize("name", STATEMENTS)
def test_each_statement_on_each_table(two_tenants: psycopg.Connection, name: str) -> None:
    """Every single statement of the list, on every table and partition, leaves the other tenant alone."""
    conn = two_tenants
    tables = _tables(conn)
    before = _theirs(conn, tables)
    for table in tables:
        with conn.transaction(force_rollback=True):
            conn.execute("set local role recsys_service")
            conn.execute("select set_config('app.tenant_id', %s, true)", (str(MINE),))
            seen = list(_results(conn, _spell(STATEMENTS[name], *table)))
            conn.execute("reset role")
            assert str(THEIRS) not in repr(seen), table
            assert _theirs(conn, tables) == before, table


def test_the_statements_would_reach_whoever_is_not_isolated(two_tenants: psycopg.Connection) -> None:
    """Run as a superuser, every statement of the list shows or changes something: the list has no blanks."""
    conn = two_tenants
    tables = _tables(conn)
    before = _theirs(conn, tables)
    harmless = {"lock", "drop the policy", "switch security off"}
    blanks = set()
    for name, template in STATEMENTS.items():
        with conn.transaction(force_rollback=True):
            seen = list(_results(conn, _spell(template, "item_tags", "tenant_id")))
            if str(THEIRS) not in repr(seen) and _theirs(conn, tables) == before:
                blanks.add(name)
    assert blanks == harmless


def test_without_a_tenant_there_is_nothing(two_tenants: psycopg.Connection) -> None:
    """With no app.tenant_id the service sees 0 rows of every table and changes none."""
    conn = two_tenants
    for table, key in _tables(conn):
        with conn.transaction(force_rollback=True):
            conn.execute("set local role recsys_service")
            for name in ("read", "read by COPY", "update theirs", "delete theirs"):
                assert list(_results(conn, _spell(STATEMENTS[name], table, key))) == [], (table, name)


@pytest.mark.parametrize("tenant", ["", str(MINE)])
def test_no_row_of_theirs_can_be_written(two_tenants: psycopg.Connection, tenant: str) -> None:
    """With no tenant, or with another one, an insert of their row is refused by the policy of every table."""
    conn = two_tenants
    for table, key in _tables(conn):
        template = (
            "insert into {} ({}, occurred_at) values ({}, now())"
            if table in LOGS
            else "insert into {} ({}) values ({})"
        )
        insert = sql.SQL(template).format(sql.Identifier(table), sql.Identifier(key), sql.Literal(THEIRS))
        with conn.transaction(force_rollback=True):
            conn.execute("set local role recsys_service")
            conn.execute("select set_config('app.tenant_id', %s, true)", (tenant,))
            with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
                conn.execute(insert)


@pytest.mark.usefixtures("own_schema")
def test_every_grant_is_on_this_list(operator: psycopg.Connection) -> None:
    """Relations the roles may touch, and how, are exactly those; nothing is granted on a partition or to PUBLIC."""
    rows = operator.execute("""
        select case when grantee = 0 then 'public' else grantee::regrole::text end, relname,
            string_agg(lower(left(replace(privilege_type, 'INSERT', 'append'), 1)), '' order by privilege_type)
        from pg_class cross join lateral aclexplode(relacl)
        where relnamespace = 'public'::regnamespace and grantee <> relowner
        group by 1, 2
    """).fetchall()
    letters = {"a": "a", "d": "d", "s": "r", "u": "w"}
    found: dict[str, dict[str, str]] = {role: {} for role in GRANTS}
    for role, table, verbs in rows:
        found[role][table] = "".join(sorted(letters[verb] for verb in verbs))
    assert found == GRANTS


def test_no_function_of_ours_is_for_everybody(operator: psycopg.Connection) -> None:
    """PUBLIC may execute none of our functions, and those that run as the owner fix their search_path."""
    rows = operator.execute("""
        select proname, has_function_privilege('public', oid, 'execute'), prosecdef,
            coalesce(array_to_string(proconfig, ' ') like 'search_path=%', false)
        from pg_proc where pronamespace = 'public'::regnamespace
    """).fetchall()
    assert rows
    assert [name for name, public, *_ in rows if public] == []
    assert [name for name, _, definer, fixed in rows if definer and not fixed] == []


def test_the_owner_writes_and_reads_through_force(owner: psycopg.Connection) -> None:
    """The operator's SQL works as the owner who is no superuser: FORCE does not lock the owner out."""
    owner.execute(SEED.replace(":tenant", f"'{MINE}'").encode())
    assert owner.execute("update tenants set name = 'y'").rowcount == 1
    assert owner.execute("select count(*) from interaction_events").fetchone() == (1,)


def _refusal(settings: Settings) -> str:
    with pytest.raises(IsolationError) as refused:
        Database.open(settings)
    return refused.value.message


def test_a_superuser_is_refused(settings: Settings, operator: psycopg.Connection) -> None:
    """A DATABASE_URL whose login is above row-level security stops the start and names the login to use."""
    assert "recsys_app" in _refusal(replace(settings, database_url=operator.info.dsn))


def test_a_login_that_inherits_the_owner_is_refused(
    settings: Settings, urls: Urls, operator: psycopg.Connection
) -> None:
    """Inheriting the owner switches isolation off without an error; the start is refused."""
    operator.execute("create role heir login in role recsys_owner, recsys_service, recsys_system")
    try:
        heir = psycopg.conninfo.make_conninfo(urls.service, user="heir")
        assert "heir inherits recsys_owner" in _refusal(replace(settings, database_url=heir))
    finally:
        operator.execute("drop role heir")


GRANT_ON_A_PARTITION = """
    do $$ begin
        execute (
            select format('grant select on %I to recsys_service', min(partition_name))
            from recsys_partitions('audit_log')
        );
    end $$
"""


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("alter table item_tags disable row level security", "item_tags"),
        ("alter table item_tags no force row level security", "item_tags"),
        ("drop policy service_sees_one_tenant on interaction_events", "interaction_events"),
        ("create policy wide on tenants to recsys_service using (true)", "tenants"),
        ("create policy wide on tenants using (true)", "tenants"),
        ("alter policy service_sees_one_tenant on item_tags using (true)", "item_tags"),
        ("alter policy service_sees_one_tenant on item_tags with check (true)", "item_tags"),
        ("alter policy service_sees_one_tenant on audit_log using (tenant_id is not null)", "audit_log"),
        ("create table notes (tenant_id uuid)", "notes"),
        (GRANT_ON_A_PARTITION, "audit_log_"),
    ],
)
def test_a_hole_in_the_schema_is_refused(
    settings: Settings, owner: psycopg.Connection, damage: str, named: str
) -> None:
    """A table without its policy, or a grant on a partition, stops the start by name; without the check it goes on."""
    owner.execute(damage.encode())
    assert named in _refusal(settings)
    Database.open(replace(settings, require_rls=False)).close()


def test_a_database_without_roles_or_schema_says_so(settings: Settings, operator: psycopg.Connection) -> None:
    """An empty database asks for the migrations; another prefix asks for its roles."""
    assert "other_owner" in _refusal(replace(settings, db_role_prefix="other"))
    operator.execute("drop table tenants cascade")
    with pytest.raises(MigrationError, match="migrate up"):
        Database.open(settings)
