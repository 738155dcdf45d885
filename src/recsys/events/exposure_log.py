"""The file that every served list is written to as it happens (RECSYS_EXPOSURE_LOG_PATH), for log shippers.

It is a convenience beside the spool, which is the record: a line may be missing after a crash or on a full disk, and
serving never waits for it. Several processes append to one file; each line is written whole.
"""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

import structlog

from recsys.errors import OperatorError

WRITE_SECONDS = 0.1
"""How long a line waits for others to be written with."""
WAITING_MAX = 50_000
"""Lines that wait while the disk is slow; what comes then is given up. About 50 MB."""

_log = structlog.get_logger()


class ExposureLog:
    """An open log. Rotation needs no signal: a file that was moved or removed is opened anew before the next write."""

    def __init__(self, path: Path) -> None:
        self.dropped = 0
        """Lines that are not in the file."""
        self._path = path
        self._lines: deque[bytes] = deque()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="exposure-log", daemon=True)
        self._cut = False

    def __enter__(self) -> Self:
        try:
            self._file = self._open()
        except OSError as error:
            msg = f"RECSYS_EXPOSURE_LOG_PATH: {self._path} can not be written ({error.strerror}). Choose another file."
            raise OperatorError(msg) from None
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        os.close(self._file)

    def append(self, line: bytes) -> None:
        """Write *line*, with its end, in a moment."""
        if len(self._lines) < WAITING_MAX:
            self._lines.append(line)
        else:
            self.dropped += 1

    def _run(self) -> None:
        while not self._stop.wait(WRITE_SECONDS):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if not lines:
            return
        try:
            self._follow_rotation()
            self._write(b"".join(lines))
        except OSError as error:
            self.dropped += len(lines)
            _log.error("the exposure log can not be written", path=str(self._path), error=str(error), lines=len(lines))

    def _follow_rotation(self) -> None:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            there = None
        ours = os.fstat(self._file)
        if there is None or (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino):
            fresh = self._open()
            os.close(self._file)
            self._file = fresh

    def _write(self, data: bytes) -> None:
        """Append in one system call: no other process writes in between. A line that was cut is ended first."""
        if self._cut:
            data = b"\n" + data
        self._cut = False
        done = os.write(self._file, data)
        if done < len(data):
            self._cut = True
            raise OSError(f"{len(data) - done} bytes were not taken")

    def _open(self) -> int:
        return os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o640)
