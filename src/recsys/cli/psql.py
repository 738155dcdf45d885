"""`recsys psql`: a psql shell on the database in use, embedded or not, as the owner."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from psycopg import pq

from recsys.cli.console import Exit, fail, talk
from recsys.db.binaries import find_binaries, installed
from recsys.db.operator import operator_url
from recsys.db.roles import Roles
from recsys.db.session import connect, refuse_pooler, widest_role
from recsys.settings import Settings, variable

app = typer.Typer()

_SERVER_MAJOR = 10_000  # libpq writes 18.6 as 180006


@app.command(context_settings={"ignore_unknown_options": True})
def psql(
    arguments: Annotated[list[str] | None, typer.Argument(help="Goes to psql as it is; put it after `--`.")] = None,
) -> None:
    """Open psql on the database in use, as the owner of the tables: `recsys psql -- -c 'select * from tenants'`.

    It ends with psql's own exit code: 0, 1 a statement or psql failed, 2 no connection, 3 a script was stopped.
    """
    settings = Settings.from_environment()
    url = operator_url(settings)
    role, server = _look(url, Roles.of(settings.db_role_prefix))
    program = _find_psql(settings, server)
    environ = {**os.environ, **_environment(url), "PGOPTIONS": _options(url, role), "PATH": _path_with(program)}
    sys.exit(_run([program, *(arguments or [])], environ))


def _look(url: str, roles: Roles) -> tuple[str | None, int]:
    """Find the role that the shell may take, and the server's major version."""
    with connect(url) as conn:
        refuse_pooler(conn)
        role = widest_role(conn, roles)
        if role != roles.owner:
            talk.print(
                f"{conn.info.user} may not act as {roles.owner}, the owner of the tables; this shell acts as"
                f" {role or conn.info.user}. {variable('owner_database_url')} names a login that may.",
                markup=False,
            )
        return role, conn.info.server_version // _SERVER_MAJOR


def _environment(url: str) -> dict[str, str]:
    """Spell a connection as libpq's variables: on the command line everybody would see the password.

    What has no variable (keepalives, timeouts of the socket) is left to libpq's defaults.
    """
    given = pq.Conninfo.parse(url.encode())
    return {option.envvar.decode(): option.val.decode() for option in given if option.envvar and option.val}


def _path_with(program: str) -> str:
    r"""Let ``\! pg_dump`` in the shell find the one beside its psql, which is as new as the server."""
    return os.pathsep.join((str(Path(program).parent), os.environ.get("PATH", os.defpath)))


def _options(url: str, role: str | None) -> str:
    """Add the role to the options that the URL or the operator's own PGOPTIONS give."""
    given = [_environment(url).get("PGOPTIONS") or os.environ.get("PGOPTIONS", "")]
    return " ".join([*given, *([] if role is None else [f"-c role={role}"])]).strip()


def _run(argv: list[str], environ: dict[str, str]) -> int:
    """Run psql to its end. Ctrl-C is psql's: it cancels a query and must not end the shell."""
    before = signal.signal(signal.SIGINT, lambda *_: None)  # a handler, unlike SIG_IGN, is not inherited
    try:
        return subprocess.call(argv, env=environ)  # noqa: S603  the operator's own shell
    finally:
        signal.signal(signal.SIGINT, before)


def _find_psql(settings: Settings, server: int) -> str:
    """Prefer the psql of the system, which edits lines, unless it is older than the server and may not describe it."""
    programs = list(_programs(settings))
    if not programs:
        fail("there is no psql here: install `recsys-service[embedded]` or a Postgres client.", Exit.FAILED)
    return next((program for program in programs if _major(program) >= server), programs[0])


def _programs(settings: Settings) -> Iterator[str]:
    folders = [find_binaries(settings)] if settings.postgres_bin else []
    if not folders and (on_path := shutil.which("psql")):
        yield on_path
    for binaries in folders or installed():
        if os.access(binaries.program("psql"), os.X_OK):
            yield binaries.program("psql")


def _major(program: str) -> int:
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603  the shell that will be run
    number = re.search(r"\d+", answer.stdout)
    return int(number[0]) if number else 0
