"""Whether this database, with this login, would keep tenants apart: asked before anything is served."""

from __future__ import annotations

import psycopg

from recsys.db.queries import sql as query
from recsys.db.roles import Roles
from recsys.errors import IsolationError, MigrationError


def require(conn: psycopg.Connection, roles: Roles) -> None:
    """Raise IsolationError naming every problem and its fix; MigrationError when there is no schema yet."""
    found = problems(conn, roles)
    if found:
        raise IsolationError(
            "This database would not keep tenants apart. "
            + " ".join(found)
            + " (RECSYS_REQUIRE_RLS=false starts anyway.)"
        )


def problems(conn: psycopg.Connection, roles: Roles) -> list[str]:
    """List what would let one tenant's rows reach another, each with its fix; empty when all is well."""
    about_roles = _role_problems(conn, roles)
    if about_roles:
        return about_roles
    if conn.execute(query("isolation.has_schema")).fetchone() == (False,):
        raise MigrationError("The database holds no schema yet. Run `recsys migrate up`.")
    return _login_problems(conn, roles) + _table_problems(conn, roles)


def _role_problems(conn: psycopg.Connection, roles: Roles) -> list[str]:
    needed = [roles.owner, roles.service, roles.system]
    missing = [role for (role,) in conn.execute(query("isolation.missing_roles"), (needed,))]
    if missing:
        return [f"There is no role {', '.join(missing)}: run `recsys migrate roles` or what it prints."]
    strangers = [role for (role,) in conn.execute(query("isolation.not_a_member"), ([roles.service, roles.system],))]
    return [f"The login of DATABASE_URL may not act as {role}: `grant {role} to {roles.app}`." for role in strangers]


def _login_problems(conn: psycopg.Connection, roles: Roles) -> list[str]:
    found = []
    names = {"owner": roles.owner, "service": roles.service}
    for role, above_the_law, inherits_owner in conn.execute(query("isolation.logins"), names):
        if above_the_law:
            found.append(
                f"{role} is a superuser or has BYPASSRLS, so row-level security does not bind it: "
                f"let DATABASE_URL name a login such as {roles.app}."
            )
        elif inherits_owner:
            found.append(
                f"{role} inherits {roles.owner} and with it the right to see every tenant: "
                f"`revoke {roles.owner} from {role}`, or let DATABASE_URL name a login such as {roles.app}."
            )
    return found


def _table_problems(conn: psycopg.Connection, roles: Roles) -> list[str]:
    found = [
        f"Table {table} is not under row-level security as it was made: see recsys_isolate() in the schema."
        for (table,) in conn.execute(query("isolation.open_tables"), {"service": roles.service})
    ]
    grants = conn.execute(query("isolation.open_partitions"), ([roles.service, roles.system, roles.app],))
    found += [f"{role} has a grant on partition {name}: `revoke all on {name} from {role}`." for name, role in grants]
    return found
