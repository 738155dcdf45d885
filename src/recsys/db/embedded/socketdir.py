"""The folder of the socket: short enough for a socket's path, and closed to every other account."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from recsys.db.embedded.server import PORT
from recsys.errors import EmbeddedServerError

_LONGEST = 107
"""Bytes of a socket's path, on Linux."""


def socket_dir_name(data: Path) -> str:
    """Name the socket folder of one data folder, whatever path leads there.

    It hangs on the folder itself (device and inode): a folder that was moved keeps its name, and one that was deleted
    and made again gets another, while the old server may still be running in the old one.
    """
    folder = data.stat()
    digest = hashlib.sha256(f"{folder.st_dev}:{folder.st_ino}".encode()).hexdigest()[:12]
    return f"recsys-{os.geteuid()}-{digest}"


def make_socket_dir(data: Path) -> Path:
    """Make the socket folder in the temporary folder, or take the one that a killed supervisor left, and empty it.

    EmbeddedServerError when something that is not ours, or not closed to others, stands there.
    """
    folder = _temporary_folder() / socket_dir_name(data)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        _require_ours(folder)
    except OSError as error:
        raise EmbeddedServerError(
            f"The temporary folder {folder.parent} can not be used ({error.strerror}). Set TMPDIR to one that can."
        ) from error
    _empty(folder)
    return folder


def remove_socket_dir(folder: Path) -> None:
    """Remove the socket folder and what a killed server left in it."""
    if folder.is_dir():
        _empty(folder)
        folder.rmdir()


def _temporary_folder() -> Path:
    preferred = Path(tempfile.gettempdir())
    longest = preferred / f"recsys-{os.geteuid()}-{'0' * 12}" / f".s.PGSQL.{PORT}.lock"
    fits = len(os.fsencode(longest)) <= _LONGEST and "," not in str(longest)  # a comma separates hosts, to libpq
    return preferred if fits else Path("/tmp")  # noqa: S108  the folder in it is checked


def _require_ours(folder: Path) -> None:
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077:
        return
    raise EmbeddedServerError(
        f"{folder} is not a folder of yours that is closed to others, and the socket of the embedded Postgres "
        "belongs there. Remove it, or set TMPDIR to a folder where nobody else writes."
    )


def _empty(folder: Path) -> None:
    for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
        (folder / name).unlink(missing_ok=True)
