"""A snapshot as one file, which any number of processes map and share.

    RECSNAP, a line feed  size of the file u64  size of the header u32  CRC-32 of the header u32  header, JSON  arrays

The arrays begin at multiples of 64 bytes, so that numpy uses them where they lie; the header says where, of which type
and shape, and the CRC-32 of each. A file of another format or another release of the service is not read.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from pathlib import Path
from struct import Struct as Layout
from struct import error as StructError  # noqa: N812  it is a class
from typing import IO, Any, TypeVar
from zlib import crc32

import msgspec
import numpy as np

from recsys import __version__
from recsys.snapshot.arrays import Array, put_together, take_apart
from recsys.snapshot.snapshot import Snapshot

FORMAT = 1
"""Of the header and of what lies behind it; what a `Snapshot` holds is checked field by field."""

_MAGIC = b"RECSNAP\n"
_PREFIX = Layout("<8sQII")
_ALIGN = 64
_T = TypeVar("_T")


class Unusable(Exception):
    """The file is torn, damaged, or of another format or release."""


class _Placed(msgspec.Struct, frozen=True):
    """Where an array lies, counted from the end of the header."""

    begin: int
    dtype: str
    shape: tuple[int, ...]
    crc: int


class _Header(msgspec.Struct, frozen=True):
    format: int
    service: str
    tree: dict[str, Any]
    arrays: list[_Placed]


def write(file: IO[bytes], snapshot: Snapshot) -> None:
    """Write *snapshot* into an empty file that can be sought in."""
    arrays: list[Array] = []

    def keep(array: Array) -> int:
        arrays.append(np.ascontiguousarray(array))
        return len(arrays) - 1

    tree = take_apart(snapshot, keep)
    placed, size = [], 0
    for array in arrays:
        placed.append(_Placed(size, array.dtype.str, array.shape, crc32(array.data)))
        size = _aligned(size + array.nbytes)
    header = msgspec.json.encode(_Header(FORMAT, __version__, tree, placed))
    begin = _aligned(_PREFIX.size + len(header))
    file.write(_PREFIX.pack(_MAGIC, begin + size, len(header), crc32(header)) + header)
    for array, place in zip(arrays, placed, strict=True):
        file.seek(begin + place.begin)
        file.write(array.data)
    file.truncate(begin + size)


def read(path: Path) -> Snapshot:
    """Map a file after reading all of it once; FileNotFoundError if there is none, Unusable if a byte is wrong."""
    with path.open("rb") as file:
        mapped = _checked(lambda: mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    return _checked(lambda: _snapshot(mapped))


def _snapshot(mapped: mmap.mmap) -> Snapshot:
    magic, size, length, crc = _PREFIX.unpack(mapped[: _PREFIX.size])
    if magic != _MAGIC:
        raise Unusable("it is no snapshot")
    if size != len(mapped):
        raise Unusable("it is torn")
    text = mapped[_PREFIX.size : _PREFIX.size + length]
    if crc32(text) != crc:
        raise Unusable("its checksum is wrong")
    header = msgspec.json.decode(text, type=_Header)
    if (header.format, header.service) != (FORMAT, __version__):
        raise Unusable(f"it is of format {header.format}, release {header.service}")
    begin = _aligned(_PREFIX.size + length)
    snapshot = put_together(Snapshot, header.tree, lambda number: _array(mapped, begin, header.arrays[number]))
    assert isinstance(snapshot, Snapshot)  # noqa: S101  what was put together
    return snapshot


def _array(mapped: mmap.mmap, after_header: int, placed: _Placed) -> Array:
    dtype, count = np.dtype(placed.dtype), int(np.prod(placed.shape))
    begin = after_header + placed.begin
    with memoryview(mapped) as whole, whole[begin : begin + count * dtype.itemsize] as part:
        if crc32(part) != placed.crc:
            raise Unusable("its checksum is wrong")
    if count == 0:  # an empty file's end may lie behind its last byte
        return np.empty(placed.shape, dtype)
    return np.frombuffer(mapped, dtype, count, begin).reshape(placed.shape)


def _checked(work: Callable[[], _T]) -> _T:
    try:
        return work()
    except (TypeError, ValueError, LookupError, StructError, msgspec.MsgspecError) as error:
        raise Unusable(f"it can not be read ({error})") from error


def _aligned(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN
