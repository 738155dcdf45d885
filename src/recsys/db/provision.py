"""Roles, logins and the database of an installation: made by a superuser, or printed for one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from recsys.db.queries import sql as query
from recsys.db.roles import Roles


class Urls(NamedTuple):
    """How the two logins reach the database: the service's, and the one that may act as the owner."""

    service: str
    owner: str


def provision(
    superuser_conninfo: str, *, database: str, prefix: str, passwords: Mapping[str, str] | None = None
) -> Urls:
    """Make whatever of roles, logins and database is missing, and say how to connect. Idempotent, safe to race.

    Roles belong to the whole cluster, so everybody who makes them waits for one lock in the database `postgres`.
    A database that somebody else made stays theirs; the roles are granted what they need in it. *passwords*, by login,
    are set anew each time, which is how one is changed.
    """
    roles = Roles.of(prefix)
    with psycopg.connect(superuser_conninfo, dbname="postgres", autocommit=True) as conn:
        with conn.transaction():
            conn.execute(query("provision.lock"))
            existing = {name for (name,) in conn.execute(query("provision.existing_roles"), (list(roles),))}
            for statement in _role_statements(roles, existing):
                conn.execute(statement)
            for login, password in (passwords or {}).items():
                conn.execute(_password_statement(conn, login, password))
        owner = _create_database(conn, database, roles)
    if owner != roles.owner:
        with psycopg.connect(superuser_conninfo, dbname=database) as conn:
            for statement in _grant_statements(database, roles):
                conn.execute(statement)
    return Urls(
        service=make_conninfo(superuser_conninfo, dbname=database, user=roles.app),
        owner=make_conninfo(superuser_conninfo, dbname=database, user=roles.admin),
    )


def roles_sql(prefix: str, *, database: str = "recsys") -> str:
    """Spell, for somebody who may create roles, what *provision* would do. The logins still need passwords."""
    roles = Roles.of(prefix)
    statements = [statement.as_string() for statement in _role_statements(roles, existing=set())]
    lines = [f"{statement};" for statement in statements]
    lines.append(f"{_database_statement(database, roles).as_string()};")
    lines.append("-- or, connected to a database that is there already:")
    lines += [f"-- {statement.as_string()};" for statement in _grant_statements(database, roles)]
    lines += [f"-- then, in psql: \\password {login}" for login in (roles.app, roles.admin)]
    return "\n".join(lines) + "\n"


def _role_statements(roles: Roles, existing: set[str]) -> list[sql.Composed]:
    """List what is missing. NOINHERIT: a login that inherited the owner would see every tenant's rows."""
    statements = [
        sql.SQL("create role {} nologin").format(sql.Identifier(role))
        for role in (roles.owner, roles.service, roles.system)
        if role not in existing
    ]
    for login, granted in ((roles.app, (roles.service, roles.system)), (roles.admin, (roles.owner,))):
        if login not in existing:
            statements.append(sql.SQL("create role {} login noinherit").format(sql.Identifier(login)))
        statements.append(
            sql.SQL("grant {} to {}").format(sql.SQL(", ").join(map(sql.Identifier, granted)), sql.Identifier(login))
        )
    return statements


def _password_statement(conn: psycopg.Connection, login: str, password: str) -> sql.Composed:
    """Spell a password as its SCRAM verifier, so that neither the server nor its log ever sees it."""
    verifier = conn.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256")
    return sql.SQL("alter role {} password {}").format(sql.Identifier(login), sql.Literal(verifier.decode()))


def _grant_statements(database: str, roles: Roles) -> list[sql.Composed]:
    """List what the roles need in a database that is not the owner role's own."""
    name, owner, service, system, app, admin = map(sql.Identifier, (database, *roles))
    return [
        sql.SQL("grant connect on database {} to {}, {}").format(name, app, admin),
        sql.SQL("grant temporary on database {} to {}, {}, {}").format(name, owner, service, system),
        sql.SQL("grant create, usage on schema public to {} with grant option").format(owner),
        sql.SQL("grant usage on schema public to {}").format(app),
    ]


def _create_database(conn: psycopg.Connection, database: str, roles: Roles) -> str:
    """Make the database if there is none; answer whose it is."""
    found = conn.execute(query("provision.database_owner"), (database,)).fetchone()
    if found is None:
        with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):  # somebody else was faster
            conn.execute(_database_statement(database, roles))
        return roles.owner
    return str(found[0])


def _database_statement(database: str, roles: Roles) -> sql.Composed:
    return sql.SQL("create database {} owner {} encoding 'UTF8' template template0").format(
        sql.Identifier(database), sql.Identifier(roles.owner)
    )
