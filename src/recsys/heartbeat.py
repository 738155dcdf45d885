"""Whether a worker's event loop still turns: it says so in a file, and whoever supervises it reads that."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from struct import Struct

from recsys.ticking import ticking

EVERY_SECONDS = 0.25
_BEAT = Struct("<d")


@contextmanager
def beating(folder: Path) -> Iterator[None]:
    """Write the time into a file of this process, four times a second, whenever the running loop turns.

    The first beat comes when the server runs the loop again after its start, which is when it accepts connections.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fd = os.open(_path(folder, os.getpid()), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    def beat(_due: float) -> None:
        with suppress(OSError):  # a full disk stops no worker
            os.pwrite(fd, _BEAT.pack(time.monotonic()), 0)

    try:
        with ticking(EVERY_SECONDS, beat):
            yield
    finally:
        os.close(fd)
        forget(folder, os.getpid())


def last_beat(folder: Path, pid: int) -> float | None:
    """Return when the loop of a process turned last, `time.monotonic()`; None while it has not begun."""
    try:
        content = _path(folder, pid).read_bytes()
    except OSError:
        return None
    return _BEAT.unpack(content)[0] if len(content) == _BEAT.size else None


def forget(folder: Path, pid: int) -> None:
    """Remove what a process wrote."""
    with suppress(OSError):
        _path(folder, pid).unlink()


def _path(folder: Path, pid: int) -> Path:
    return folder / str(pid)
