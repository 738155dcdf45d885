"""Connections of an operator's commands: as the owner, in autocommit where statements run outside transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from recsys.db.queries import sql as query
from recsys.db.roles import Roles
from recsys.errors import DatabaseUnavailable, OwnerUnavailable


@contextmanager
def owner_session(conninfo: str, roles: Roles) -> Iterator[psycopg.Connection]:
    """Connect as the owner, in autocommit, in UTC. DatabaseUnavailable, or OwnerUnavailable with the remedy."""
    with connect(conninfo, autocommit=True) as conn:
        refuse_pooler(conn)
        try:
            conn.execute(query("session.prepare"), (roles.owner,))
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue) as error:
            raise OwnerUnavailable(
                f"{conn.info.user} may not act as {roles.owner}: {error.diag.message_primary}. "
                f"Let RECSYS_OWNER_DATABASE_URL name {roles.admin}; `recsys migrate roles` makes it."
            ) from error
        yield conn


def connect(conninfo: str, *, autocommit: bool = False) -> psycopg.Connection:
    """Connect as the login of *conninfo*; DatabaseUnavailable says why not."""
    try:
        return psycopg.connect(conninfo, autocommit=autocommit, application_name="recsys")
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"The database can not be reached: {str(error).strip()}") from error


def refuse_pooler(conn: psycopg.Connection) -> None:
    """OwnerUnavailable behind a pooler, which may hand every statement, with our locks and settings, to a stranger."""
    if conn.execute(query("session.backend_pid")).fetchone() != (conn.info.backend_pid,):
        raise OwnerUnavailable("There is a pooler before this database. Point RECSYS_OWNER_DATABASE_URL at Postgres.")


def widest_role(conn: psycopg.Connection, roles: Roles) -> str | None:
    """Name the role that shows a person the most: the owner, else the system; None where the login may be neither."""
    found = conn.execute(query("session.may_act_as"), ([roles.owner, roles.system],)).fetchone()
    return None if found is None else str(found[0])


def limit(conn: psycopg.Connection, *, lock: str, statement: str = "0") -> None:
    """Set how long this session waits for a lock, and how long one statement may take; "0" is without limit."""
    conn.execute(query("session.limit"), (lock, statement))
