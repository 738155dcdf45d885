"""What the processes of a host serve, in a file each, so that another process can hold it against the database."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec

from recsys.identifiers import uuid7
from recsys.snapshot.freeze import signals_of
from recsys.snapshot.snapshots import State
from recsys.whole_file import unfinished

ALIVE_SECONDS = 15.0
"""A process touches its file at every look for changes; one that has not for so long is gone, or stuck."""


class Served(msgspec.Struct, frozen=True):
    """One snapshot in service."""

    tenant_id: UUID
    namespace: str
    version: str
    """Of its signals, without sessions."""
    as_of: datetime
    behind: bool
    """Whether the process knows that the database holds something newer, and is reading it."""


class Notice:
    """This process's file; a folder of None keeps none."""

    def __init__(self, folder: Path | None) -> None:
        """Write nothing yet."""
        self._path = None if folder is None else folder / f"{uuid7().hex}.json"
        self._written: list[Served] | None = None

    def put_up(self, states: Iterable[State]) -> None:
        """Say what is in service; where the disk takes nothing, nobody can ask."""
        if self._path is None:
            return
        served = [_served(state) for state in states]
        with suppress(OSError):
            if served == self._written:
                os.utime(self._path)
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            unfinished(self._path).write_bytes(msgspec.json.encode(served))
            unfinished(self._path).replace(self._path)
            self._written = served

    def take_down(self) -> None:
        """Serve nothing any more."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _served(state: State) -> Served:
    one = state.snapshot
    return Served(one.tenant_id, one.namespace, signals_of(one.version), one.as_of, state.stale_since is not None)


def read(folder: Path) -> list[list[Served]]:
    """Return what each living process of the host serves; what dead ones left behind is removed."""
    found = []
    for path in sorted(folder.glob("*.json")):
        with suppress(FileNotFoundError):  # it ends just now
            if time.time() - path.stat().st_mtime > ALIVE_SECONDS:
                path.unlink()
            else:
                found.append(msgspec.json.decode(path.read_bytes(), type=list[Served]))
    return found
