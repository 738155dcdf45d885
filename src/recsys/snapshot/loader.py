"""A process of its own that loads one large namespace, writes its file and ends.

A load of millions of rows keeps a processor and gigabytes for a minute: in a worker every request would wait for its
turn beside it, and the memory would stay. Here the system has all of it back.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec
import psycopg
import structlog

from recsys.db.pool import Database
from recsys.errors import RecsysError, Unavailable
from recsys.precedence import step_back
from recsys.snapshot.load import load
from recsys.snapshot.shelf import Shelf
from recsys.tenancy.config import SignalParams

LARGE_ROWS = 200_000
"""Rows of signals that are worth the half second in which a process starts."""
ATTEMPTS = 3
_DISK_FULL = 3
"""Exit code where the file could not be written."""

_log = structlog.get_logger()


class Order(msgspec.Struct, frozen=True):
    """What is to be loaded, and where it is to be put."""

    database_url: str
    role_prefix: str
    tenant_id: UUID
    namespace: str
    params: SignalParams
    now: datetime
    folder: str
    limit: int


class Loaders:
    """The loader processes that this process has started; any thread may call it."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False
        self._lock = threading.Lock()

    def load(self, order: Order) -> bool:
        """Have the file written; a process that was killed is replaced. False where the disk does not take the file.

        Unavailable where the rows can not be read, or every process is killed.
        """
        for _ in range(ATTEMPTS):
            code = self._run(order)
            if code in {0, _DISK_FULL}:
                return code == 0
            if code > 0 or self._closed:
                break
            _log.warning("loader killed, starting it again", namespace=order.namespace, signal=-code)
        raise Unavailable(f"The signals of namespace {order.namespace!r} could not be loaded; the log says why.")

    def close(self) -> None:
        """End what runs, and begin nothing more."""
        with self._lock:
            self._closed = True
            for process in self._running:
                process.kill()

    def _run(self, order: Order) -> int:
        command = [sys.executable, "-m", "recsys.snapshot.loader"]
        with self._lock:
            if self._closed:
                raise Unavailable("The service is stopping.")
            process = subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0, start_new_session=True)  # noqa: S603  ours
            self._running.add(process)
        assert process.stdin is not None  # noqa: S101  it is a pipe
        with process:
            with suppress(BrokenPipeError):  # killed already
                process.stdin.write(msgspec.json.encode(order) + b"\n")
            code = process.wait()  # its standard input stays open until then: a loader does not outlive this process
        with self._lock:
            self._running.discard(process)
        return code


def main() -> None:
    """Do the order that standard input brings; end when it ends."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    step_back(os.getppid())
    try:
        done = fulfil(order)
    except (RecsysError, psycopg.Error) as error:
        _log.warning("snapshot not loaded", namespace=order.namespace, error=str(error))
        sys.exit(1)
    sys.exit(0 if done else _DISK_FULL)


def fulfil(order: Order) -> bool:
    """Load what *order* names and write its file; False where the disk does not take it."""
    url = order.database_url
    with Database(url, url, prefix=order.role_prefix, pooler="transaction", size=1) as database:
        with database.reading() as conn:
            snapshot = load(conn, order.tenant_id, order.namespace, order.params, now=order.now)
        return Shelf(Path(order.folder), order.limit).put(snapshot)


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # unbuffered: the interpreter can end while this waits
    os._exit(1)


if __name__ == "__main__":
    main()
