"""The server process: started, taken over from a supervisor that was killed, stopped."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT
from typing import NamedTuple

from recsys.db.binaries import Binaries, unprivileged
from recsys.db.embedded import process
from recsys.db.embedded.cluster import server_environment
from recsys.db.embedded.home import Home
from recsys.db.embedded.process import Process
from recsys.db.embedded.server import PORT, Server
from recsys.db.embedded.socketdir import make_socket_dir, socket_dir_name
from recsys.errors import EmbeddedServerError

_PATIENCE = 60.0  # seconds in which a start is tried again
_PAUSE = 1.0
_LOOK = 0.005
_TELL_EVERY = 5.0
_STOP = ((SIGINT, 60.0), (SIGQUIT, 5.0), (SIGKILL, 5.0))
"""Fast shutdown, which writes a checkpoint; then without one; then by force. Nothing committed is lost by any."""
_DEAF = ((SIGQUIT, 5.0), (SIGKILL, 5.0))


class NotStarted(Exception):
    """Postgres did not start, for a reason that may pass."""


class PidFile(NamedTuple):
    """What a postmaster writes about itself: process, socket folder, `starting`, `ready` or `stopping`."""

    pid: int
    socket_dir: Path
    status: str

    @classmethod
    def read(cls, data: Path) -> PidFile | None:
        """Read postmaster.pid; None when there is none, or one that its writer has not finished."""
        try:
            lines = (data / "postmaster.pid").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
            return cls(int(lines[0]), Path(lines[4]), lines[7].strip())
        except (OSError, IndexError, ValueError):
            return None


class Postmaster(NamedTuple):
    """A server that is ready: how to reach it, its process, and the child if this process started it."""

    server: Server
    process: Process
    child: subprocess.Popen[bytes] | None

    def stop(self, data: Path) -> None:
        """Stop the server, gently at first, and whatever it leaves."""
        self.process.end(_STOP)
        if self.child is not None:
            self.child.wait()
        _end_survivors(data)


def run_patiently(home: Home, binaries: Binaries, say: Callable[[str], None]) -> Postmaster:
    """Start the server or take over the one that runs, trying for 60 s and saying why.

    EmbeddedServerError when it does not start.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return _adopt(home, binaries, say) or _start(home, binaries, say)
        except NotStarted as why:
            if time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"The embedded Postgres does not start: {why} ({home.log.absolute()})"
                ) from None
            say(f"The embedded Postgres does not start yet: {why} Trying again for a while.")
        time.sleep(_PAUSE)


def _adopt(home: Home, binaries: Binaries, say: Callable[[str], None]) -> Postmaster | None:
    """Take over the server of a supervisor that was killed; None when none runs, after ending one that is no use."""
    written = PidFile.read(home.data)
    found = None if written is None else process.find(written.pid, home.data)
    if written is None or found is None:
        return None
    if written.socket_dir.name != socket_dir_name(home.data):
        raise EmbeddedServerError(
            f"A Postgres that recsys did not start runs in {home.data.absolute()} (process {found.pid}). Stop it first."
        )
    server = Server(written.socket_dir, PORT, binaries.version)
    if written.status == "starting":
        raise NotStarted(f"an earlier server (process {found.pid}) is still recovering.")
    if written.status == "ready" and server.answers():
        say(f"Taking over an earlier server (process {found.pid}).")
        return Postmaster(server, found, None)
    say(f"Ending an earlier server (process {found.pid}) that no longer answers.")
    found.end(_STOP if written.status == "stopping" else _DEAF)
    return None


def _start(home: Home, binaries: Binaries, say: Callable[[str], None]) -> Postmaster:
    _end_survivors(home.data)
    # Nothing of Postgres runs in this folder, so the process that a postmaster.pid names is somebody else's.
    (home.data / "postmaster.pid").unlink(missing_ok=True)
    server = Server(make_socket_dir(home.data), PORT, binaries.version)
    with home.log.open("ab") as log:
        said_before = log.tell()
        child = subprocess.Popen(  # noqa: S603  a program of the chosen installation
            unprivileged([binaries.program("postgres"), "-D", str(home.data.absolute()), *_options(server)]),
            env=server_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    postmaster = Postmaster(server, Process(child.pid), child)
    try:
        _wait_until_ready(home, child, said_before, say)
    except BaseException:
        postmaster.stop(home.data)
        raise
    return postmaster


def _options(server: Server) -> list[str]:
    """Options that no postgresql.conf may change: who can reach the server hangs on them."""
    options = {
        "listen_addresses": "",
        "unix_socket_directories": '"' + str(server.socket_dir).replace('"', '""') + '"',
        "unix_socket_permissions": "0700",
        "port": str(server.port),
    }
    return [word for name, value in options.items() for word in ("-c", f"{name}={value}")]


def _wait_until_ready(home: Home, child: subprocess.Popen[bytes], said_before: int, say: Callable[[str], None]) -> None:
    """Wait as long as the process lives: a recovery takes the time it takes."""
    tell_at = time.monotonic() + _TELL_EVERY
    while not _is_ready(home.data, child.pid):
        with suppress(subprocess.TimeoutExpired):
            child.wait(_LOOK)
            raise NotStarted(_last_words(home.log, said_before))
        if time.monotonic() > tell_at:
            say("The embedded Postgres is still starting; after a crash it repeats what it had not yet written.")
            tell_at += _TELL_EVERY


def _is_ready(data: Path, pid: int) -> bool:
    written = PidFile.read(data)
    return written is not None and written.pid == pid and written.status == "ready"


def _end_survivors(data: Path) -> None:
    """End the backends of a postmaster that was killed: a busy one notices late, and blocks the start until then."""
    for left in process.find_all(data):
        left.end(_DEAF)


def _last_words(log: Path, offset: int) -> str:
    with log.open("rb") as stream:
        stream.seek(offset)
        lines = [line.strip() for line in stream.read().decode("utf-8", "replace").splitlines() if line.strip()]
    fatal = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
    words = (fatal or lines or ["it ended without a word."])[-1]
    return words[words.find("FATAL:") :] if "FATAL:" in words else words
