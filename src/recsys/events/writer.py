"""Appends to the segments of one spool: one thread writes, another may sync."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from threading import Lock

from recsys.events.folder import segment_name, sync_folder
from recsys.events.segment import MAGIC

SEGMENT_BYTES = 64 * 2**20
SEGMENT_SECONDS = 60.0
"""When a segment is this large or this old, the next write begins a new one, so that the old one can be removed."""


class SegmentWriter:
    """The open segment of a spool. It only ever appends to files that it created itself."""

    def __init__(
        self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES, segment_seconds: float = SEGMENT_SECONDS
    ) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._segment_seconds = segment_seconds
        self._number = 0
        self._file = -1  # no segment before the first record
        self._size = 0
        self._born = 0.0
        self._lock = Lock()  # guards what follows: the two threads hand files over
        self._retired: list[int] = []
        self._folder_changed = False

    def write(self, data: bytes) -> None:
        """Append *data*, whole frames, in one system call: all of it or, with an OSError, nothing of it."""
        if self._file < 0 or self._size >= self._segment_bytes or self._age() >= self._segment_seconds:
            self._begin()
        try:
            _write_all(self._file, data)
        except OSError:
            self._take_back()
            raise
        self._size += len(data)

    def _age(self) -> float:
        return time.monotonic() - self._born

    def _begin(self) -> None:
        """Open the next segment. The old one stays open until it is synced."""
        self.retire()
        path = self._folder / segment_name(self._number + 1)
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _write_all(file, MAGIC)
        except OSError:
            os.close(file)
            path.unlink()
            raise
        with self._lock:
            self._file, self._size, self._born = file, len(MAGIC), time.monotonic()
            self._number += 1
            self._folder_changed = True

    def _take_back(self) -> None:
        """Cut what a failed write left behind, and never write there again: a reader may have been faster.

        What can not be cut is a torn tail, which readers know.
        """
        with suppress(OSError):
            os.ftruncate(self._file, self._size)
        self.retire()

    def retire(self) -> None:
        """Append nothing more to the open segment: the next write begins a new one."""
        with self._lock:
            if self._file >= 0:
                self._retired.append(self._file)
                self._file = -1

    def roll(self) -> None:
        """Begin the next segment if the open one holds anything: a reader may then take it for complete."""
        if self._file >= 0 and self._size > len(MAGIC):
            self._begin()

    def sync(self) -> None:
        """Return when everything written before this call would survive a power cut.

        After an OSError nobody knows what the disk holds: the segment is retired, and what it held unsynced counts
        as lost although a reader may still find it.
        """
        with self._lock:
            retired, self._retired = self._retired, []
            file, folder_changed, self._folder_changed = self._file, self._folder_changed, False
        try:
            for done in retired:
                os.fdatasync(done)
            if file >= 0:
                os.fdatasync(file)
            if folder_changed:
                sync_folder(self._folder)
        except OSError:
            self._folder_changed = True
            self.retire()
            raise
        finally:
            for done in retired:
                os.close(done)

    def close(self) -> None:
        """Sync and close everything; nobody writes any more."""
        self.retire()
        self.sync()


def _write_all(file: int, data: bytes) -> None:
    done = os.write(file, data)
    while done < len(data):  # a nearly full disk takes a part, and says why with the next call
        done += os.write(file, memoryview(data)[done:])
