"""Roles, logins and databases: made once, by whoever comes first, or printed for somebody who may."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from recsys.db.migrate import migrate_up
from recsys.db.pool import Database
from recsys.db.provision import provision, roles_sql
from recsys.db.roles import Roles


@pytest.fixture
def prefix(postgres: Any) -> Iterator[str]:
    """Lend a prefix that nobody uses; what was made under it is gone after the test."""
    name = f"p{uuid4().hex[:8]}"
    yield name
    with psycopg.connect(postgres.conninfo(), autocommit=True) as conn:
        conn.execute(f"drop database if exists {name} with (force)".encode())
        for role in Roles.of(name):
            conn.execute(f"drop role if exists {role}".encode())


def _memberships(conninfo: str, prefix: str) -> list[tuple[object, ...]]:
    with psycopg.connect(conninfo) as conn:
        return conn.execute(
            """
            select member.rolname, granted.rolname, member.rolinherit, member.rolcanlogin, granted.rolcanlogin,
                pg_has_role(member.oid, granted.oid, 'USAGE')
            from pg_auth_members
            join pg_roles as member on member.oid = member
            join pg_roles as granted on granted.oid = roleid
            where member.rolname like %s order by 1, 2
            """,
            (f"{prefix}%",),
        ).fetchall()


def test_ten_at_once_make_it_once(postgres: Any, prefix: str) -> None:
    """Programs that provision at the same moment all succeed and all get the same answer."""

    def make(_: int) -> object:
        return provision(postgres.conninfo(), database=prefix, prefix=prefix)

    with ThreadPoolExecutor(10) as pool:
        assert len(set(pool.map(make, range(10)))) == 1


def test_logins_inherit_nothing(postgres: Any, prefix: str) -> None:
    """A login may take its roles and has the rights of none until it does; roles can not log in."""
    provision(postgres.conninfo(), database=prefix, prefix=prefix)
    roles = Roles.of(prefix)
    assert _memberships(postgres.conninfo(), prefix) == [
        (roles.admin, roles.owner, False, True, False, False),
        (roles.app, roles.service, False, True, False, False),
        (roles.app, roles.system, False, True, False, False),
    ]


def test_what_is_printed_does_the_same(postgres: Any, prefix: str) -> None:
    """The SQL for people who may not create roles, run by somebody who may, makes a database that works."""
    with psycopg.connect(postgres.conninfo(), autocommit=True) as conn:
        for statement in roles_sql(prefix, database=prefix).split(";"):
            if not statement.strip().startswith("--"):
                conn.execute(statement.encode())
    printed = _memberships(postgres.conninfo(), prefix)
    urls = provision(postgres.conninfo(), database=prefix, prefix=prefix)
    assert _memberships(postgres.conninfo(), prefix) == printed
    migrate_up(urls.owner, prefix)


def test_two_installations_share_a_cluster(postgres: Any, prefix: str, database: Database) -> None:
    """Another prefix has its own roles and database, and its login may not act in ours."""
    urls = provision(postgres.conninfo(), database=prefix, prefix=prefix)
    migrate_up(urls.owner, prefix)
    with psycopg.connect(urls.service) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("set role recsys_service")
    with database.system() as conn:
        assert conn.execute("select count(*) from tenants").fetchone() == (0,)


def test_a_database_of_somebody_else_is_granted_not_taken(postgres: Any, prefix: str) -> None:
    """In a database that a superuser made, closed to the public, provisioning grants enough to migrate and to serve."""
    with psycopg.connect(postgres.conninfo(), autocommit=True) as conn:
        conn.execute(f"create database {prefix}".encode())
        conn.execute(f"revoke all on database {prefix} from public".encode())
    with psycopg.connect(postgres.conninfo(prefix)) as conn:
        conn.execute("revoke all on schema public from public")
    urls = provision(postgres.conninfo(), database=prefix, prefix=prefix)
    migrate_up(urls.owner, prefix)
    with Database(urls.service, urls.owner, prefix=prefix) as database:
        database.require_isolation()
    with psycopg.connect(postgres.conninfo(prefix)) as conn:
        [(owner,)] = conn.execute("select pg_get_userbyid(datdba) from pg_database where datname = current_database()")
    assert owner == "postgres"


def test_passwords_are_set_as_verifiers_and_anew_each_time(postgres: Any, prefix: str) -> None:
    """A login gets the password it is given; what is stored, and what the server was told, is a SCRAM verifier."""
    app = Roles.of(prefix).app

    def stored(**passwords: str) -> str:
        provision(postgres.conninfo(), database=prefix, prefix=prefix, passwords=passwords)
        with psycopg.connect(postgres.conninfo()) as conn:
            [(verifier,)] = conn.execute("select rolpassword from pg_authid where rolname = %s", (app,))
        return str(verifier)

    first, second = stored(**{app: "it's secret"}), stored(**{app: "another"})
    assert first.startswith("SCRAM-SHA-256$")
    assert first != second
    assert stored() == second
