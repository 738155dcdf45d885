"""A segment file's bytes: a header, then framed records; what a torn or damaged one still holds (pure).

::

    file   = MAGIC frame*
    frame  = marker (2) | kind (1) | length (4) | CRC-32 (4) | payload (length)     little-endian

The checksum covers kind, length and payload, so neither a zero-filled tail nor a wrong length passes for a frame.
The marker lets a reader find the next frame behind damaged bytes.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple
from zlib import crc32

MAGIC = b"recsysE1"
"""First bytes of a segment; the last one is the version of this layout."""
PAYLOAD_MAX = 4 * 2**20
"""Bytes of one record; a longer length is damage."""

_MARKER = b"\xf5\x9a"  # neither byte pair occurs in UTF-8 text, so ids can not look like frames
_header = Struct("<2sBII")
_summed = Struct("<BI")
HEADER_BYTES = _header.size


class Frame(NamedTuple):
    """One record and where it ends."""

    kind: int
    payload: bytes
    end: int
    """Offset in the buffer of the byte after it."""


class Scan(NamedTuple):
    """What a buffer holds from an offset on."""

    frames: list[Frame]
    stop: int
    """Offset of the first byte that is not part of `frames`."""
    whole: bool
    """Whether `stop` is where the limit or the end of the buffer was met at the end of a frame."""


def frame(kind: int, payload: bytes) -> bytes:
    """Frame one record: 11 bytes before its payload. ValueError above PAYLOAD_MAX."""
    length = len(payload)
    if length > PAYLOAD_MAX:
        raise ValueError(f"a record has at most {PAYLOAD_MAX} bytes, this one {length}")
    return _header.pack(_MARKER, kind, length, crc32(payload, crc32(_summed.pack(kind, length)))) + payload


def read_frame(buffer: bytes, offset: int) -> Frame | None:
    """Read the frame that begins at *offset*; None when there is no whole and sound one."""
    begin = offset + HEADER_BYTES
    if begin > len(buffer):
        return None
    marker, kind, length, checksum = _header.unpack_from(buffer, offset)
    end = begin + length
    if marker != _MARKER or length > PAYLOAD_MAX or end > len(buffer):
        return None
    payload = buffer[begin:end]
    if crc32(payload, crc32(_summed.pack(kind, length))) != checksum:
        return None
    return Frame(kind, payload, end)


def scan(buffer: bytes, offset: int = 0, *, limit: int) -> Scan:
    """Read frames from *offset* on until *limit* of them, the end, or the first byte that is not a sound frame."""
    frames: list[Frame] = []
    while offset < len(buffer) and len(frames) < limit:
        found = read_frame(buffer, offset)
        if found is None:
            return Scan(frames, offset, whole=False)
        frames.append(found)
        offset = found.end
    return Scan(frames, offset, whole=True)


def resume(buffer: bytes, offset: int) -> int | None:
    """Return the offset of the first sound frame behind *offset*, None if there is none."""
    while (offset := buffer.find(_MARKER, offset + 1)) >= 0:
        if read_frame(buffer, offset) is not None:
            return offset
    return None


def is_torn(tail: bytes) -> bool:
    """Tell an interrupted write from damage: a *tail* that is the beginning of a frame, or that was never written.

    A power cut may leave zeros where the file had been lengthened but the data had not arrived.
    """
    if not tail.strip(b"\0"):
        return True
    if len(tail) < HEADER_BYTES:
        return tail.startswith(_MARKER[: len(tail)])
    marker, _kind, length, _checksum = _header.unpack_from(tail)
    return bool(marker == _MARKER and length <= PAYLOAD_MAX and HEADER_BYTES + length > len(tail))
