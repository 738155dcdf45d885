"""`python -m recsys.db.embedded FOLDER BIN MAJOR.MINOR LOCK`: the supervisor, started by `join.acquire`.

LOCK is the descriptor of the supervisor's lock, taken by whoever started this. What is to be said until the server is
ready goes to standard output, as one JSON object a line, and to the log on standard error.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

from recsys.db.binaries import Binaries
from recsys.db.embedded import word
from recsys.db.embedded.home import Home
from recsys.db.embedded.supervisor import supervise
from recsys.errors import EmbeddedServerError

_log = logging.getLogger("recsys.db.embedded")


def main(folder: str, programs: str, version: str, lock: str) -> None:
    """Run the supervisor in a process of its own, which has no parent that waits for it."""
    if os.fork() != 0:
        os._exit(0)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s supervisor [%(process)d] %(message)s")
    os.set_inheritable(int(lock), False)
    os.truncate(int(lock), 0)
    os.pwrite(int(lock), f"{os.getpid()}\n".encode(), 0)
    os.umask(0o077)
    # From here on by relative paths: they keep leading to this folder when it is moved, and nowhere when it is
    # deleted, while a new folder with its path may already belong to another supervisor.
    os.chdir(folder)
    major, minor = map(int, version.split("."))
    try:
        supervise(Home(Path()), Binaries(Path(programs), (major, minor)), _say, _ready)
    except EmbeddedServerError as error:
        _log.error("%s", error.message)
        _tell(word.failed(error.message))
    finally:
        # Before the lock of the users, which the end of the process lets go: who gets that one finds no supervisor.
        os.close(int(lock))


def _say(text: str) -> None:
    _log.info("%s", text)
    _tell(word.said(text))


def _ready() -> None:
    _log.info("ready")
    _tell(word.READY)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, sys.stdout.fileno())
    os.close(silence)


def _tell(line: str) -> None:
    with suppress(BrokenPipeError):  # who started this was killed; others may be waiting for the server
        os.write(sys.stdout.fileno(), line.encode() + b"\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
