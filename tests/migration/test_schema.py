"""The migration files: what they make, what they say of themselves, and what a linter says of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
import pytest

from recsys.db.apply import LOCK_TIMEOUT, STATEMENT_TIMEOUT
from recsys.db.migrate import migrate_up
from recsys.db.migrations import Migration, parse, shipped, ways_back
from recsys.db.roles import Roles
from recsys.errors import MigrationError

ROLES = Roles.of("recsys")
EVERY_FILE = [*shipped(), *ways_back().values()]


def _dump(postgres: Any, database: str) -> str:
    """Dump the schema of one database, without what pg_dump makes up anew each time."""
    command = [postgres.binaries.program("pg_dump"), "--schema-only", "--dbname", postgres.conninfo(database)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return "\n".join(line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


def test_schema_sql_is_what_the_migrations_make(postgres: Any, new_database: Callable[[], Any]) -> None:
    """A database made by all migrations and one made by schema.sql have the same dump and the same policies."""
    migrated, drawn = new_database(), new_database()
    migrate_up(migrated.owner, "recsys")
    text = files("recsys.db").joinpath("sql", "schema.sql").read_text()
    with psycopg.connect(drawn.owner) as conn:
        conn.execute(f"set role {ROLES.owner}".encode())
        conn.execute(ROLES.fill(text).encode())
    assert _dump(postgres, migrated.name) == _dump(postgres, drawn.name)
    policies = "select parent_table, interval, ahead, retain_days, accept_days from partition_policies order by 1"
    with psycopg.connect(migrated.owner) as left, psycopg.connect(drawn.owner) as right:
        for conn in (left, right):
            conn.execute(f"set role {ROLES.owner}".encode())
        assert left.execute(policies).fetchall() == right.execute(policies).fetchall()


def test_every_table_and_column_says_what_it_is_for(operator: psycopg.Connection) -> None:
    """No relation, column or function of ours is without a comment."""
    silent = operator.execute("""
        select relname || coalesce('.' || attname, '')
        from pg_class
        left join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
            and (col_description(pg_class.oid, attnum) is null or obj_description(pg_class.oid, 'pg_class') is null)
        union all
        select proname from pg_proc
        where pronamespace = 'public'::regnamespace and obj_description(oid, 'pg_proc') is null
    """).fetchall()
    assert silent == []


def test_a_log_can_be_cut_without_a_trace(operator: psycopg.Connection) -> None:
    """Logs have no DEFAULT partition, and neither they nor signals a foreign key: retiring would trip over them.

    Nor is there an identity column or a sequence anywhere: ATTACH refuses the one on Postgres 18.
    """
    found = operator.execute("""
        select 'default partition', partrelid::regclass::text from pg_partitioned_table where partdefid <> 0
        union all
        select 'foreign key', conrelid::regclass::text from pg_constraint
        where contype = 'f' and connamespace = 'public'::regnamespace
            and (conrelid::regclass::text ~ '^(exposure_events|interaction_events|audit_log|item_|signal_)')
        union all
        select 'identity', attrelid::regclass::text from pg_attribute
        join pg_class on pg_class.oid = attrelid where relnamespace = 'public'::regnamespace and attidentity <> ''
        union all
        select 'sequence', relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'S'
    """).fetchall()
    assert found == []


def test_what_is_made_by_a_definer_brings_its_own_session(operator: psycopg.Connection) -> None:
    """Functions that make, drop or look at partitions fix search_path, time zone and lock timeout for themselves."""
    loose = operator.execute("""
        select proname from pg_proc
        where pronamespace = 'public'::regnamespace and prosecdef and proname ~ '_partition|_runway'
            and not array(select split_part(setting, '=', 1) from unnest(proconfig) as setting)
                @> '{search_path,TimeZone,lock_timeout}'
    """).fetchall()
    assert loose == []


def test_every_constraint_has_a_name_of_ours(operator: psycopg.Connection) -> None:
    """Names begin with their table, so that a violated one can be told from its name alone."""
    strange = operator.execute("""
        select conrelid::regclass::text, conname from pg_constraint join pg_class on pg_class.oid = conrelid
        where connamespace = 'public'::regnamespace and not relispartition and contype <> 't'
            and not starts_with(conname, relname || '_')
    """).fetchall()
    assert strange == []


@pytest.mark.parametrize("migration", EVERY_FILE, ids=lambda migration: f"{migration.version}_{migration.name}")
def test_squawk_has_no_objection(migration: Migration) -> None:
    """The linter passes every file as it runs: after the timeouts that every migration gets."""
    text = ROLES.fill(migration.text).replace(':"partition_index"', '"p_idx"').replace(':"partition"', '"p"')
    limits = f"set lock_timeout = '{LOCK_TIMEOUT}';\nset statement_timeout = '{STATEMENT_TIMEOUT}';\n"
    command = [str(Path(sys.executable).with_name("squawk")), "--pg-version", "15.0", "--reporter", "json"]
    command += ["--assume-in-transaction"] if migration.transactional else ["--no-assume-in-transaction"]
    answer = subprocess.run(
        [*command, "--stdin-filepath", migration.file], input=limits + text, capture_output=True, text=True, check=False
    )
    objections = [(found["rule_name"], found["line"] - 1, found["message"]) for found in json.loads(answer.stdout)]
    assert objections == []


@pytest.mark.parametrize("migration", EVERY_FILE, ids=lambda migration: f"{migration.version}_{migration.name}")
def test_no_index_is_made_if_not_exists(migration: Migration) -> None:
    """IF NOT EXISTS would accept an index that an interrupted run left invalid."""
    assert re.search(r"index\s+(concurrently\s+)?if\s+not\s+exists", migration.text, re.IGNORECASE) is None


def test_versions_count_without_a_gap() -> None:
    """Files are numbered 1, 2, 3, ... and a way back belongs to one of them."""
    assert [migration.version for migration in shipped()] == list(range(1, len(shipped()) + 1))
    names = {migration.version: migration.name for migration in shipped()}
    assert all(names[version] == back.name for version, back in ways_back().items())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("create table t ();", "transaction"),
        ("-- transaction: maybe\nselect 1;", "transaction"),
        ("-- transaction: no\nselect 1;", "done when"),
        ("-- transaction: yes\n-- phase: later\nselect 1;", "phase"),
        ("-- transaction: no\ncreate table t ();\n-- done when: select true", "done when"),
    ],
)
def test_a_file_that_does_not_say_how_it_runs_is_refused(text: str, problem: str) -> None:
    """A header without what the runner needs is an error that names the file."""
    with pytest.raises(MigrationError, match=f"0099_x.*{problem}"):
        parse(99, "x", text)


def test_a_migration_locks_what_its_header_says(new_database: Callable[[], Any]) -> None:
    """In a transaction at most one existing table is locked beyond reading, and the header names it with the mode."""
    database = new_database()
    for migration in shipped():
        if not migration.transactional:
            migrate_up(database.owner, "recsys", to=migration.version)
            continue
        with psycopg.connect(database.owner) as conn:
            conn.execute(f"set role {ROLES.owner}".encode())
            before = {name for (name,) in conn.execute("select oid from pg_class").fetchall()}
            conn.execute(ROLES.fill(migration.text).encode())
            held = conn.execute(
                "select relation, relation::regclass::text, mode from pg_locks join pg_class on oid = relation "
                "where pid = pg_backend_pid() and relkind in ('r', 'p') and relnamespace = 'public'::regnamespace "
                "and mode not in ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')"
            ).fetchall()
            conn.rollback()
        locked = {name: mode for relation, name, mode in held if relation in before}
        told = migration.locks or ""
        assert len(locked) <= 1, locked
        for name, mode in locked.items():
            words = re.sub(r"(?<!^)(?=[A-Z])", " ", mode.removesuffix("Lock")).lower()
            assert told == f"{name} ({words})"
        assert bool(told) == bool(locked)
        migrate_up(database.owner, "recsys", to=migration.version)
