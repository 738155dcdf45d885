"""Roles, logins and the database of an installation: made by a superuser, or printed for one."""

from __future__ import annotations

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


def provision(superuser_conninfo: str, *, database: str, prefix: str) -> Urls:
    """Make whatever of roles, logins and database is missing, and say how to connect. Idempotent, safe to race.

    Roles belong to the whole cluster, so everybody who makes them waits for one lock in the database `postgres`.
    """
    roles = Roles.of(prefix)
    with psycopg.connect(superuser_conninfo, dbname="postgres", autocommit=True) as conn:
        with conn.transaction():
            conn.execute(query("provision.lock"))
            existing = {name for (name,) in conn.execute(query("provision.existing_roles"), (list(roles),))}
            for statement in _role_statements(roles, existing):
                conn.execute(statement)
        _create_database(conn, database, roles)
    return Urls(
        service=make_conninfo(superuser_conninfo, dbname=database, user=roles.app),
        owner=make_conninfo(superuser_conninfo, dbname=database, user=roles.admin),
    )


def roles_sql(prefix: str, *, database: str = "recsys") -> str:
    """Spell, for somebody who may create roles, what *provision* would do. The logins still need passwords."""
    roles = Roles.of(prefix)
    statements = [statement.as_string() for statement in _role_statements(roles, existing=set())]
    statements.append(_database_statement(database, roles).as_string())
    passwords = [f"-- then, in psql: \\password {login}" for login in (roles.app, roles.admin)]
    return "\n".join([*(f"{statement};" for statement in statements), *passwords]) + "\n"


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


def _create_database(conn: psycopg.Connection, database: str, roles: Roles) -> None:
    found = conn.execute(query("provision.database_exists"), (database,)).fetchone()
    if found == (False,):
        try:
            conn.execute(_database_statement(database, roles))
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            return  # somebody else was faster


def _database_statement(database: str, roles: Roles) -> sql.Composed:
    return sql.SQL("create database {} owner {} encoding 'UTF8' template template0").format(
        sql.Identifier(database), sql.Identifier(roles.owner)
    )
