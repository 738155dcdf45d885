"""Joining an embedded server, or starting it: what every process that uses the database does first."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

from recsys.db.binaries import Binaries, find_binaries
from recsys.db.embedded import word
from recsys.db.embedded.home import Home, open_home
from recsys.db.embedded.locks import EXCLUSIVE, SHARED, exclusive, open_lock, try_lock, wait_for_lock
from recsys.db.embedded.server import Server
from recsys.errors import EmbeddedServerError
from recsys.settings import Settings

_log = logging.getLogger(__name__)

_START_PATIENCE = 300.0  # seconds for another command to start the server, recovery after a crash included
_STOP_PATIENCE = 120.0  # seconds for a supervisor to stop the server
_ANSWER_PATIENCE = 60.0  # seconds for a server with a living supervisor to answer
_PAUSE = 0.01

_held: dict[tuple[int, int], int] = {}
"""Locks that this process holds as a user until it ends, by device and inode of their files."""


def acquire(settings: Settings, *, tell: Callable[[str], None] = _log.info) -> Server:
    """Join the embedded server of the data folder, or start it, and keep it running until this process ends.

    *tell* gets a sentence for a person whenever this takes time. It may be called again at any time, by any thread,
    and starts the server again if it was lost. EmbeddedServerError says what to do.
    """
    home = open_home(settings.data_dir)
    waiting = partial(tell, "Another command is starting the embedded Postgres; waiting for it.")
    late = f"Another command has been starting the embedded Postgres for {_START_PATIENCE:.0f} s. See {home.log}."
    with exclusive(home.start_lock, patience=_START_PATIENCE, waiting=waiting, late=late):
        return _use(home, settings, tell)


def _use(home: Home, settings: Settings, tell: Callable[[str], None]) -> Server:
    users = open_lock(home.users_lock)
    file = os.fstat(users)
    key = (file.st_dev, file.st_ino)
    try:
        if key not in _held:
            _become_user(users, home, tell)
        server = _reach(home, settings, tell)
    except BaseException:
        os.close(users)
        raise
    if key in _held:
        os.close(users)
    else:
        _held[key] = users
    return server


def _become_user(users: int, home: Home, tell: Callable[[str], None]) -> None:
    waiting = partial(tell, "The embedded Postgres is being stopped; waiting to start it again.")
    late = f"The embedded Postgres has been stopping for {_STOP_PATIENCE:.0f} s. {_stuck(home)}"
    wait_for_lock(users, SHARED, patience=_STOP_PATIENCE, waiting=waiting, late=late)


def _reach(home: Home, settings: Settings, tell: Callable[[str], None]) -> Server:
    deadline = time.monotonic() + _ANSWER_PATIENCE
    while True:
        _ensure_supervisor(home, settings, tell)
        server = Server.read(home.state)
        if server is not None and server.answers():
            return server
        if time.monotonic() > deadline:
            raise EmbeddedServerError(
                f"The embedded Postgres does not answer, though its supervisor lives. {_stuck(home)} If it runs "
                "in another container, give that one's folder up, or set DATABASE_URL."
            )
        time.sleep(_PAUSE)


def _ensure_supervisor(home: Home, settings: Settings, tell: Callable[[str], None]) -> None:
    """Start the supervisor unless one lives, and wait until its server is ready."""
    lock = open_lock(home.supervisor_lock)
    try:
        if try_lock(lock, EXCLUSIVE):
            _start(home, find_binaries(settings), lock, tell)
    finally:
        os.close(lock)


def _start(home: Home, binaries: Binaries, lock: int, tell: Callable[[str], None]) -> None:
    version = ".".join(map(str, binaries.version))
    first = "" if home.data.exists() else " (first time: making the database)"
    tell(f"Starting the embedded Postgres {version}{first}.")
    # The supervisor inherits the lock: at no time is there none, or two. -P: the user's folder may hold any module.
    command = [sys.executable, "-P", "-m", "recsys.db.embedded"]
    command += [str(home.folder), str(binaries.folder), version, str(lock)]
    with (
        home.log.open("ab") as log,
        subprocess.Popen(  # noqa: S603  our own module
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            pass_fds=[lock],
            start_new_session=True,  # Ctrl-C and the end of a terminal reach the commands only
        ) as supervisor,
    ):
        if supervisor.stdout is None or not word.relay(supervisor.stdout, tell):
            raise EmbeddedServerError(f"The supervisor of the embedded Postgres ended without a word. See {home.log}.")


def _stuck(home: Home) -> str:
    return f"{home.log} may say why; end the process that {home.supervisor_lock} names and try again."
