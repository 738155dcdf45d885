"""The supervisor: keeps one server running for as long as anybody uses it, and stops it when the last user ends."""

from __future__ import annotations

import enum
import os
import select
import shutil
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from recsys.db.binaries import Binaries
from recsys.db.embedded.cluster import ensure_cluster
from recsys.db.embedded.home import Home
from recsys.db.embedded.locks import EXCLUSIVE, lock, open_lock
from recsys.db.embedded.postmaster import PidFile, Postmaster, run_patiently
from recsys.db.embedded.socketdir import remove_socket_dir

_LOOK_EVERY = 2.0  # seconds
_BREATH = 0.5  # seconds before a server that died is started again
_LARGEST_LOG = 8 << 20  # bytes; one older file of this size is kept


class Verdict(enum.Enum):
    """Why the supervisor no longer waits."""

    UNUSED = enum.auto()
    BROKEN = enum.auto()
    """The server died, is being shut down by somebody else, or lost its socket."""


def supervise(home: Home, binaries: Binaries, say: Callable[[str], None], ready: Callable[[], None]) -> None:
    """Run the server until nobody uses it; *ready* is called when it is. EmbeddedServerError when it can not run."""
    _end_on_signals()
    home.state.unlink(missing_ok=True)
    ensure_cluster(home, binaries)
    unused = _await_last_user(home.users_lock)
    while _serve(home, run_patiently(home, binaries, say), unused, ready) is Verdict.BROKEN:
        if not home.data.exists():
            return
        say("The embedded Postgres is gone; starting it again.")
        time.sleep(_BREATH)


def _serve(home: Home, postmaster: Postmaster, unused: int, ready: Callable[[], None]) -> Verdict:
    try:
        postmaster.server.write(home.state)
        ready()
        return _watch(home, postmaster, unused)
    finally:
        home.state.unlink(missing_ok=True)
        postmaster.stop(home.data)
        remove_socket_dir(postmaster.server.socket_dir)


def _watch(home: Home, postmaster: Postmaster, unused: int) -> Verdict:
    while True:
        readable, _, _ = select.select([unused, postmaster.process.fileno()], [], [], _LOOK_EVERY)
        if unused in readable:
            return Verdict.UNUSED
        if postmaster.process.fileno() in readable or _is_lost(home, postmaster):
            return Verdict.BROKEN
        _bound_log(home.log)


def _is_lost(home: Home, postmaster: Postmaster) -> bool:
    """Tell whether nobody new can connect: the socket was cleaned away, or somebody asked the server to stop."""
    written = PidFile.read(home.data)
    return not postmaster.server.socket.exists() or (written is not None and written.status == "stopping")


def _await_last_user(users_lock: Path) -> int:
    """Return a descriptor that becomes readable when this process, and nobody else, has the lock of the users."""
    readable, writable = os.pipe()
    users = open_lock(users_lock)

    def wait() -> None:
        lock(users, EXCLUSIVE)
        os.write(writable, b"!")

    threading.Thread(target=wait, name="await-last-user", daemon=True).start()
    return readable


def _bound_log(log: Path) -> None:
    """Keep the log small. Who writes to it appends, and goes on at the beginning when it was cut."""
    with suppress(FileNotFoundError):
        if log.stat().st_size > _LARGEST_LOG:
            shutil.copyfile(log, log.with_name(log.name + ".1"))
            os.truncate(log, 0)


def _end_on_signals() -> None:
    """Stop the server when the machine shuts down, or somebody ends this process."""

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        for ignored in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ignored, signal.SIG_IGN)  # stopping is under way, and must not be broken off
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
