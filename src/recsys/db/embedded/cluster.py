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
from recsys.db.embedded.server import SUPERUSER
from recsys.errors import EmbeddedServerError


def server_environment() -> dict[str, str]:
    """Return the environment for programs of Postgres: without the variables that would change what they do."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}


def ensure_cluster(home: Home, binaries: Binaries) -> None:
    """Make the data directory if there is none; EmbeddedServerError when it is not one that *binaries* can serve."""
    _require_reachable(home, binaries)
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


def _require_reachable(home: Home, binaries: Binaries) -> None:
    """See that root can run Postgres here: inside a user namespace it is no longer above the permissions of files."""
    if os.geteuid() != 0:
        return
    _require_user_namespaces()
    for path, variable in ((home.folder.absolute(), "RECSYS_DATA_DIR"), (binaries.folder, "RECSYS_POSTGRES_BIN")):
        if _unprivileged_run(["test", "-x", str(path)]).returncode != 0:
            raise EmbeddedServerError(
                f"Postgres does not run as root, and without root's privileges {path} can not be reached: it lies in a "
                f"folder that is closed to others. Run as the user that it belongs to, or set {variable} to a folder "
                "outside of it, or DATABASE_URL to use a Postgres that runs already."
            )


def _require_user_namespaces() -> None:
    try:
        tried = _unprivileged_run(["true"])
        said = tried.stderr.strip()
    except FileNotFoundError as error:
        said = f"{error.filename} is not installed"
    else:
        if tried.returncode == 0:
            return
    raise EmbeddedServerError(
        f"Postgres does not run as root, and this machine offers no user namespace to hide it in ({said}). Run as a "
        "normal user, or set DATABASE_URL to use a Postgres that runs already."
    )


def _unprivileged_run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  programs of the system
        unprivileged(argv), capture_output=True, text=True, check=False
    )
