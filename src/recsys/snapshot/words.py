"""Ids as arrays, so that a file can hold them and a process can find them there without reading them all (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, overload
from zlib import crc32

import numpy as np
import numpy.typing as npt

_REMEMBERED = 1 << 16
"""Ids that a process keeps as strings beside the arrays: those it was asked for, until they are too many."""

Spelling = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int32]]
"""The arrays of `Words` as a plain tuple: machine code takes no other."""


class Words(NamedTuple):
    """n ids in code point order, and a table that finds them; b is a power of two."""

    blob: npt.NDArray[np.uint8]  # every id in UTF-8, one after the other
    ends: npt.NDArray[np.int64]  # (n + 1,) id i is blob[ends[i]:ends[i + 1]]
    buckets: npt.NDArray[np.int32]  # (b + 1,) the ids whose CRC-32 ends in j are order[buckets[j]:buckets[j + 1]]
    order: npt.NDArray[np.int32]  # (n,)

    @classmethod
    def of(cls, ids: Sequence[str]) -> Words:
        """Make the arrays of *ids*, which are in code point order."""
        encoded = [item_id.encode() for item_id in ids]
        ends = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=ends[1:])
        size = 1 << max(len(encoded) - 1, 0).bit_length()
        bucket = np.fromiter(map(crc32, encoded), np.uint32, len(encoded)) & np.uint32(size - 1)
        buckets = np.zeros(size + 1, np.int32)
        np.cumsum(np.bincount(bucket, minlength=size), out=buckets[1:])
        order = np.argsort(bucket, kind="stable").astype(np.int32)
        return cls(np.frombuffer(b"".join(encoded), np.uint8), ends, buckets, order)

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return sum(array.nbytes for array in self)


class Ids(Sequence[str]):
    """The ids of `Words`; each becomes a string when it is asked for."""

    __slots__ = ("_blob", "_ends", "_known")

    def __init__(self, words: Words) -> None:
        self._blob, self._ends = words.blob.data, words.ends.data
        self._known: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __iter__(self) -> Iterator[str]:
        return map(self._read, range(len(self)))

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...
    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        try:
            return self._known[place]  # type: ignore[index]  # every list asks here, twenty times; a slice is not known
        except (KeyError, TypeError):
            return self._read_new(place)

    def _read_new(self, place: int | slice) -> str | tuple[str, ...]:
        if isinstance(place, slice):
            return tuple(map(self._read, range(*place.indices(len(self)))))
        found = self._read(range(len(self))[place])
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[place] = found
        return found

    def _read(self, place: int) -> str:
        return str(self._blob[self._ends[place] : self._ends[place + 1]], "utf-8")


class Finder:
    """Finds the place of an id in `Words`."""

    __slots__ = ("_blob", "_buckets", "_ends", "_known", "_mask", "_order")

    def __init__(self, words: Words) -> None:
        self._blob, self._ends = words.blob.data, words.ends.data
        self._buckets, self._order = words.buckets.data, words.order.data
        self._mask = len(words.buckets) - 2
        self._known: dict[str, int] = {}

    def get(self, item_id: str) -> int | None:
        """Return the place of an id, None if it is not there."""
        place = self._known.get(item_id)
        return self._find(item_id) if place is None else place

    def _find(self, item_id: str) -> int | None:
        key = item_id.encode("utf-8", "surrogatepass")
        bucket = crc32(key) & self._mask
        for place in self._order[self._buckets[bucket] : self._buckets[bucket + 1]]:
            if self._blob[self._ends[place] : self._ends[place + 1]] == key:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[item_id] = place
                return place
        return None
