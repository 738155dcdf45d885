"""Locks that end with the process that holds them, however it ends: `flock` on files."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from recsys.errors import EmbeddedServerError

SHARED = fcntl.LOCK_SH
EXCLUSIVE = fcntl.LOCK_EX
_TELL_AFTER = 1.0  # seconds
_PAUSE = 0.01


def open_lock(path: Path) -> int:
    """Open the file of a lock; the descriptor is closed in programs that this process executes."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def lock(descriptor: int, kind: int) -> None:
    """Take the lock, however long that takes."""
    fcntl.flock(descriptor, kind)


def try_lock(descriptor: int, kind: int) -> bool:
    """Take the lock if that needs no waiting."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_for_lock(descriptor: int, kind: int, *, patience: float, waiting: Callable[[], None], late: str) -> None:
    """Take the lock within *patience* seconds, or raise EmbeddedServerError saying *late*.

    *waiting* is called once when it takes longer than a moment.
    """
    begun = time.monotonic()
    told = False
    while not try_lock(descriptor, kind):
        waited = time.monotonic() - begun
        if waited > patience:
            raise EmbeddedServerError(late)
        if waited > _TELL_AFTER and not told:
            waiting()
            told = True
        time.sleep(_PAUSE)


@contextmanager
def exclusive(path: Path, *, patience: float, waiting: Callable[[], None], late: str) -> Iterator[None]:
    """Hold the lock at *path* for the length of a block."""
    descriptor = open_lock(path)
    try:
        wait_for_lock(descriptor, EXCLUSIVE, patience=patience, waiting=waiting, late=late)
        yield
    finally:
        os.close(descriptor)
