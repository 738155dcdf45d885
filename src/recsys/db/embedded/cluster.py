"""The data directory: made once by initdb, then only looked at."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path

from recsys.db.binaries import Binaries, installed, unprivileged
from recsys.db.embedded.home import Home
from recsys.db.embedded.privileges import require_reachable
from recsys.db.embedded.server import SUPERUSER
from recsys.errors import EmbeddedServerError


def server_environment() -> dict[str, str]:
    """Return the environment for programs of Postgres: English, because the reason of a failed start is looked for."""
    return {**os.environ, "LC_ALL": "C"}


def ensure_cluster(home: Home, binaries: Binaries) -> None:
    """Make the data directory if there is none; EmbeddedServerError when it is not one that *binaries* can serve."""
    require_reachable(home.folder.absolute(), "RECSYS_DATA_DIR")
    require_reachable(binaries.folder, "RECSYS_POSTGRES_BIN")
    if (home.data / "PG_VERSION").exists():
        _require_version(home, binaries)
    elif home.data.exists():
        raise EmbeddedServerError(
            f"{home.data.absolute()} is not a database of Postgres. Move it away, and a new one is made."
        )
    else:
        _make(home, binaries)


def _make(home: Home, binaries: Binaries) -> None:
    """Make it under another name and rename it, so that whatever stands under its own name is complete."""
    for left in home.folder.glob("new-*"):
        shutil.rmtree(left, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix="new-", dir=home.folder))
    _initdb(draft, binaries)
    with (draft / "postgresql.conf").open("a", encoding="utf-8") as conf:
        conf.write(files("recsys.db.embedded").joinpath("postgresql.conf").read_text(encoding="utf-8"))
    draft.rename(home.data)


def _initdb(folder: Path, binaries: Binaries) -> None:
    # Trust, because nobody else gets as far as the socket: its folder is closed to them, and there is no TCP port.
    options = ["--encoding=UTF8", "--locale=C", "--auth=trust", f"--username={SUPERUSER}", "--no-instructions"]
    made = subprocess.run(  # noqa: S603  a program of the chosen installation
        unprivileged([binaries.program("initdb"), *options, "-D", str(folder)]),
        env=server_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        said = "\n".join(made.stdout.strip().splitlines()[-5:])
        raise EmbeddedServerError(f"The database could not be made in {folder.parent.absolute()}. initdb says:\n{said}")


def _require_version(home: Home, binaries: Binaries) -> None:
    made_by = (home.data / "PG_VERSION").read_text(encoding="ascii").strip()
    if made_by == str(binaries.version[0]):
        return
    fitting = [str(found.folder) for found in installed() if str(found.version[0]) == made_by]
    place = fitting[0] if fitting else f"the bin folder of a Postgres {made_by}"
    raise EmbeddedServerError(
        f"The database in {home.data.absolute()} was made by Postgres {made_by}, and {binaries.folder} is Postgres "
        f"{binaries.version[0]}. Set RECSYS_POSTGRES_BIN to {place} to go on using it, or set RECSYS_DATA_DIR to "
        "another folder to begin anew (pg_dump and pg_restore take the data along)."
    )
