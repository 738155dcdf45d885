"""What root gives up: Postgres refuses it, and inside a user namespace it is not above the permissions of files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from recsys.db.binaries import unprivileged
from recsys.errors import EmbeddedServerError


def require_reachable(path: Path, variable: str) -> None:
    """See that Postgres can enter *path*, which *variable* names; EmbeddedServerError when root's privileges would do.

    A path that does not exist yet is judged by the folder that it will be made in.
    """
    if os.geteuid() != 0:
        return
    _require_user_namespaces()
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    if _run_unprivileged(["test", "-x", str(there)]).returncode != 0:
        raise EmbeddedServerError(
            f"Postgres does not run as root, and without root's privileges {there} can not be reached: it lies in a "
            f"folder that is closed to others. Run as the user that it belongs to, or set {variable} to a folder "
            "outside of it, or DATABASE_URL to use a Postgres that runs already."
        )


def _require_user_namespaces() -> None:
    try:
        tried = _run_unprivileged(["true"])
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


def _run_unprivileged(argv: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  programs of the system
        unprivileged(argv), capture_output=True, text=True, check=False
    )
