"""The roles of one installation, and how a transaction takes one."""

from __future__ import annotations

import re
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg import sql

from recsys.db.queries import sql as query

_PLACEHOLDER = re.compile(r""":(?:"(owner|service|system)"|'(owner|service|system)')""")


class Roles(NamedTuple):
    """Names of the three roles that do something, and of the two logins that may take them."""

    owner: str
    service: str
    system: str
    app: str
    admin: str

    @classmethod
    def of(cls, prefix: str) -> Roles:
        """Name the roles of the installation with this prefix (RECSYS_DB_ROLE_PREFIX)."""
        return cls(*(f"{prefix}_{role}" for role in cls._fields))

    def fill(self, text: str) -> str:
        """Replace psql's ``:"owner"`` and ``:'owner'`` (service and system likewise) by the names."""

        def name(match: re.Match[str]) -> str:
            role = getattr(self, match[1] or match[2])
            return (sql.Identifier(role) if match[1] else sql.Literal(role)).as_string()

        return _PLACEHOLDER.sub(name, text)


def assume(conn: psycopg.Connection, role: str, tenant_id: UUID | None = None) -> None:
    """Make the transaction that begins here act as *role*, for one tenant if any, in UTC; COMMIT ends all three.

    BEGIN travels with it: one round trip. Before that, the connection must be idle.
    """
    with conn.pipeline():
        choose(conn, role, tenant_id)


def choose(conn: psycopg.Connection, role: str, tenant_id: UUID | None) -> None:
    """Say who acts, as the first statement of a transaction; in a pipeline it waits for nothing."""
    conn.execute(query("roles.assume"), (role, "" if tenant_id is None else str(tenant_id)))
