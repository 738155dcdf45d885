"""Where a rate limit remembers who has had how much: in one process, or shared by the workers of a host."""

from __future__ import annotations

import mmap
import os
from collections.abc import Hashable
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from typing import Protocol

NAMES_MAX = 10_000
SLOTS = 2**16
PROBES = 8
_SLOT = Struct("=8sd")


class Ledger(Protocol):
    """By name, the time at which its burst is whole again."""

    def read(self, name: Hashable) -> float | None:
        """Return the time of a name; None where nothing is known of it."""

    def write(self, name: Hashable, full_at: float, now: float) -> None:
        """Remember the time of a name; what is full at *now* may be forgotten."""


class OwnLedger:
    """A ledger of one process; however many names come by, only those that still owe something are kept."""

    def __init__(self) -> None:
        self._full_at: dict[Hashable, float] = {}

    def __len__(self) -> int:
        return len(self._full_at)

    def read(self, name: Hashable) -> float | None:
        """Return the time of a name; None where nothing is known of it."""
        return self._full_at.get(name)

    def write(self, name: Hashable, full_at: float, now: float) -> None:
        """Remember the time of a name."""
        if len(self._full_at) >= NAMES_MAX:
            self._full_at = {one: at for one, at in self._full_at.items() if at > now}
        self._full_at[name] = full_at


class SharedLedger:
    """A ledger that every process which opens the same file keeps together: a table of 1 MiB, mapped into memory.

    Nothing is locked. Two workers that count for one name in the same microsecond may count once, and a name that finds
    its eight slots taken displaces the one that is nearest to its full burst: both let a request more pass, never less.
    Times are those of the host's monotonic clock; of a table from before a restart of the host `Bucket` believes only
    what the clock can have reached.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(file, SLOTS * _SLOT.size)
            self._table = mmap.mmap(file, SLOTS * _SLOT.size)
        finally:
            os.close(file)

    def read(self, name: Hashable) -> float | None:
        """Return the time of a name; None where nothing is known of it."""
        mark = _mark(name)
        for offset in _offsets(mark):
            found, full_at = _SLOT.unpack_from(self._table, offset)
            if found == mark:
                return float(full_at)
        return None

    def write(self, name: Hashable, full_at: float, now: float) -> None:
        """Remember the time of a name in its own slot, else in one that is free, else in place of another."""
        del now
        mark, least, into = _mark(name), float("inf"), 0
        for offset in _offsets(mark):
            found, owed = _SLOT.unpack_from(self._table, offset)
            if found == mark:
                into = offset
                break
            if owed < least:
                least, into = owed, offset
        _SLOT.pack_into(self._table, into, mark, full_at)


def _mark(name: Hashable) -> bytes:
    """Shorten a name to 8 bytes that are the same in every process."""
    return blake2b(repr(name).encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _offsets(mark: bytes) -> list[int]:
    first = int.from_bytes(mark, "little")
    return [(first + probe) % SLOTS * _SLOT.size for probe in range(PROBES)]
