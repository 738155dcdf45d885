"""The snapshots on this host's disk: a file for each namespace, written by who loads it, mapped by all who serve."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from hashlib import blake2b
from pathlib import Path
from typing import IO

import structlog

from recsys.errors import Unavailable
from recsys.settings import Settings
from recsys.snapshot import filed
from recsys.snapshot.eviction import REST
from recsys.snapshot.filed import Unusable
from recsys.snapshot.snapshot import Key, Snapshot
from recsys.whole_file import unfinished, whole_file

FILES_MAX = 20_000
TRIM_EVERY = 100
TRIM_SHARE = 0.01
"""So many files, or such a share of the bound, are written between two looks at how much there is."""
_LOCKS = 1024
"""Lock files, shared by the namespaces of the host: rarely do two that load at once have the same."""
_POLL_SECONDS = 0.02

_log = structlog.get_logger()


class Shelf:
    """A folder of snapshots, bounded: those not used for the longest go. Any thread, any process may use it."""

    def __init__(self, folder: Path, limit: int) -> None:
        """Keep at most about *limit* bytes in *folder*, which is made when something is put there."""
        self.folder = folder
        self.limit = limit
        self._files = self._bytes = 0

    def get(self, key: Key) -> Snapshot | None:
        """Map the file of a namespace, after reading all of it once; one that can not be used is set aside."""
        path = self._path(key)
        found = _mapped(path)
        if found is not None:
            with suppress(OSError):
                os.utime(path)  # when it was last used
        return found

    def put(self, snapshot: Snapshot) -> bool:
        """Write the file of a namespace in place of the one before; False, and a line in the log, if it can not be."""
        path = self._path(snapshot.key)
        try:
            with whole_file(path) as file:
                filed.write(file, snapshot)
        except OSError as error:
            unfinished(path).unlink(missing_ok=True)
            namespace = snapshot.namespace
            _log.warning("snapshot not written to disk; it serves from memory", namespace=namespace, error=str(error))
            return False
        self._files, self._bytes = self._files + 1, self._bytes + _size(path)
        if self._files >= TRIM_EVERY or self._bytes > self.limit * TRIM_SHARE:
            self.trim()
        return True

    def recent(self) -> Iterator[Snapshot]:
        """Map what is there, the one used last first."""
        return filter(None, map(_mapped, reversed(self._by_use("snapshot"))))

    def trim(self) -> None:
        """Remove what was not used for the longest, where there is more than the folder may hold."""
        self._files = self._bytes = 0
        paths = self._by_use("snapshot", "aside")
        sizes = [_size(path) for path in paths]
        total, count = sum(sizes), len(paths)
        if total <= self.limit and count <= FILES_MAX:
            return
        for path, size in zip(paths, sizes, strict=True):
            if total <= self.limit * REST and count <= FILES_MAX * REST:
                return
            path.unlink(missing_ok=True)
            total, count = total - size, count - 1

    @contextmanager
    def alone(self, key: Key, stop: threading.Event) -> Iterator[None]:
        """Hold the right to load a namespace on this host; Unavailable if *stop* is set while another has it."""
        with self._held(f"{int(_digest(key), 16) % _LOCKS:04}", stop):
            yield

    @contextmanager
    def alone_with_large(self, stop: threading.Event) -> Iterator[None]:
        """Hold the right to load a large namespace, of which a host has the memory for one at a time."""
        with self._held("large", stop):
            yield

    @contextmanager
    def _held(self, name: str, stop: threading.Event) -> Iterator[None]:
        with self._lock_file(name) as file:
            while file is not None and not _locked(file.fileno()):
                if stop.wait(_POLL_SECONDS):
                    raise Unavailable("The service is stopping.")
            yield

    def _lock_file(self, name: str) -> AbstractContextManager[IO[bytes] | None]:
        """Open the file whose lock is the right; where the disk takes none, everybody has it."""
        folder = self.folder / "locks"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return (folder / name).open("wb")
        except OSError:
            return nullcontext()

    def _path(self, key: Key) -> Path:
        return self.folder / str(key[0]) / f"{_digest(key)}.snapshot"

    def _by_use(self, *suffixes: str) -> list[Path]:
        """List the files, the one that was not used for the longest first."""
        found = (path for suffix in suffixes for path in self.folder.glob(f"*/*.{suffix}"))
        return sorted(found, key=_used)


def shelf_of(settings: Settings) -> Shelf:
    """Open the shelf of this host's data folder."""
    return Shelf(settings.snapshots_dir, settings.snapshot_disk_mib * 2**20)


def _digest(key: Key) -> str:
    """Name a namespace, which may hold any character, by letters and digits."""
    return blake2b(f"{key[0]}/{key[1]}".encode(), digest_size=12).hexdigest()


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _mapped(path: Path) -> Snapshot | None:
    """Map a file; None where there is none, or where it can not be used and is set aside."""
    try:
        return filed.read(path)
    except FileNotFoundError:
        return None
    except (Unusable, OSError) as error:
        _set_aside(path, error)
        return None


def _set_aside(path: Path, error: Exception) -> None:
    """Keep a file that can not be used, the last one of its namespace, for who wants to know why."""
    _log.warning("a snapshot on disk can not be used; it is loaded anew", path=str(path), error=str(error))
    with suppress(OSError):
        path.replace(path.with_suffix(".aside"))


def _used(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
