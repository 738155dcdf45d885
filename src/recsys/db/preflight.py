"""Whether a migration should proceed: asked without changing anything."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import psycopg

from recsys.db.migrate import pending, status
from recsys.db.queries import sql as query
from recsys.db.roles import Roles
from recsys.db.session import owner_session
from recsys.errors import OperatorError

SUPPORTED = range(15, 19)
"""Major versions of Postgres on which this release is tested."""

LONG_TRANSACTION = 5.0
"""Seconds after which an open transaction is worth a word: a migration gives up its place in the queue sooner."""

SPARE_DISK = 0.1
"""Share of the size of our tables that should be free on the disk of the server: the largest index fits into it."""


class Check(NamedTuple):
    """One thing that was looked at. *verdict*: fine, warning (goes on), stop (should not proceed)."""

    name: str
    verdict: Literal["fine", "warning", "stop"]
    detail: str


def preflight(conninfo: str, prefix: str, *, disk: Path | None = None) -> list[Check]:
    """Look at everything that could make `migrate up` fail or hurt. Without a connection there is that to say only.

    *disk* is a folder on the disk of the server, where the caller knows one.
    """
    roles = Roles.of(prefix)
    try:
        with owner_session(conninfo, roles) as conn:
            checks: list[Callable[[psycopg.Connection], Check]] = [_server, _privileges, _files, _unfinished]
            checks += [_transactions, partial(_disk, disk), _todo]
            return [Check("connection", "fine", f"as {roles.owner}"), *(check(conn) for check in checks)]
    except OperatorError as error:
        return [Check("connection", "stop", error.message)]


def _server(conn: psycopg.Connection) -> Check:
    major, version, database, _, login = _row(conn, "preflight.server")
    detail = f"Postgres {version}, database {database}, login {login}"
    if major in SUPPORTED:
        return Check("server", "fine", detail)
    return Check("server", "stop", f"{detail}. This release knows Postgres {SUPPORTED[0]} to {SUPPORTED[-1]}.")


def _privileges(conn: psycopg.Connection) -> Check:
    temporary, create = _row(conn, "preflight.privileges")
    if temporary and create:
        return Check("privileges", "fine", "may create tables")
    wanted = "create on schema public" if not create else "temporary on the database"
    return Check("privileges", "stop", f"The owner role lacks {wanted}. `recsys migrate roles` prints the grants.")


def _files(conn: psycopg.Connection) -> Check:
    steps = status(conn)
    changed = [f"{step.version:04d}_{step.name}.sql" for step in steps if step.state == "changed"]
    if changed:
        return Check("files", "stop", f"{', '.join(changed)} is not what was applied. Restore it from the release.")
    unknown = [f"{step.version}" for step in steps if step.state == "unknown"]
    if unknown:
        return Check("files", "warning", f"A newer release applied {', '.join(unknown)}, which this one does not know.")
    done = [step.version for step in steps if step.state == "applied"]
    wanted = {migration.version for migration in pending(conn, pre=True)}  # a post half may wait while later ones run
    missing = [
        step
        for step in steps
        if step.state == "pending" and step.version in wanted and step.version < max(done, default=0)
    ]
    if missing:
        names = ", ".join(str(step.version) for step in missing)
        return Check("files", "stop", f"{names} was passed over: later ones are applied. Look before you go on.")
    return Check("files", "fine", f"{len(done)} applied, none changed")


def _unfinished(conn: psycopg.Connection) -> Check:
    interrupted = [f"{step.version:04d}_{step.name}" for step in status(conn) if step.state == "interrupted"]
    if interrupted:
        return Check("interrupted", "warning", f"{', '.join(interrupted)}: the next `up` repairs and finishes it.")
    return Check("interrupted", "fine", "none")


def _transactions(conn: psycopg.Connection) -> Check:
    rows = conn.execute(query("preflight.open_transactions"), (LONG_TRANSACTION,)).fetchall()
    if not rows:
        return Check("transactions", "fine", f"none older than {LONG_TRANSACTION:g} s")
    told = [
        f"pid {pid} ({login} {program or '-'}, {state}{'' if seconds is None else f', {seconds} s'}) "
        f"holds {', '.join(locks) or 'a snapshot'}"
        for pid, login, program, state, seconds, locks in rows
    ]
    return Check("transactions", "warning", "; ".join(told) + ". `up` waits for them, in short tries.")


def _disk(folder: Path | None, conn: psycopg.Connection) -> Check:
    (size,) = _row(conn, "preflight.sizes")
    if folder is None or not folder.is_dir():
        return Check(
            "disk", "fine", f"tables take {size:,} bytes; what is free on the server can not be seen from here"
        )
    free = shutil.disk_usage(folder).free
    verdict: Literal["fine", "stop"] = "fine" if free > size * SPARE_DISK else "stop"
    return Check("disk", verdict, f"tables take {size:,} bytes, {free:,} are free")


def _todo(conn: psycopg.Connection) -> Check:
    told = [f"{migration.file} locks {migration.locks or 'nothing that is there'}" for migration in pending(conn)]
    return Check("pending", "fine", "\n".join(told) or "nothing")


def _row(conn: psycopg.Connection, name: str) -> tuple[Any, ...]:
    row = conn.execute(query(name)).fetchone()
    if row is None:
        raise LookupError(name)
    return tuple(row)
