"""Reads a segment from a position on, and says what is torn and what is damaged."""

from __future__ import annotations

import os
from typing import NamedTuple

from recsys.events.folder import SegmentFile
from recsys.events.segment import HEADER_BYTES, MAGIC, PAYLOAD_MAX, Frame, Scan, is_torn, resume, scan

READ_BYTES = 2 * (PAYLOAD_MAX + HEADER_BYTES)
"""Read at once. It holds any sound frame, so where none begins a buffer of this size is damaged."""


class Reading(NamedTuple):
    """What was found in one segment."""

    segment: SegmentFile
    frames: list[Frame]
    position: int
    """Byte of the file up to which all is read, sound or not."""
    torn_bytes: int = 0
    """Length of an interrupted write at the end: nobody was told that it is kept."""
    damaged_bytes: int = 0
    """What is no frame although something was written there. The segment must be set aside."""
    foreign: bool = False
    """Written by a newer version in another layout; left alone."""


def read(segment: SegmentFile, position: int, limit: int) -> Reading:
    """Read at most *limit* frames from *position* on.

    The open segment of a live spool is read up to its last whole frame: its writer may be in the middle of one.
    """
    buffer = _bytes_of(segment, position)
    if position == 0 and _is_foreign(buffer):
        return Reading(segment, [], 0, foreign=True)
    begin = len(MAGIC) if position == 0 and buffer.startswith(MAGIC) else 0
    if not segment.closed:
        found = scan(buffer, begin, limit=limit)
        return Reading(segment, found.frames, position + found.stop)
    found, damaged = _salvage(buffer, begin, limit)
    if found.whole:
        return Reading(segment, found.frames, position + found.stop, damaged_bytes=damaged)
    rest = buffer[found.stop :]
    if position + len(buffer) < segment.size:
        lost = 0 if found.frames else len(rest) - PAYLOAD_MAX - HEADER_BYTES  # a sound frame may begin behind that
        return Reading(segment, found.frames, position + found.stop + lost, damaged_bytes=damaged + lost)
    if is_torn(rest) or MAGIC.startswith(rest):
        return Reading(segment, found.frames, segment.size, len(rest), damaged)
    return Reading(segment, found.frames, segment.size, damaged_bytes=damaged + len(rest))


def _salvage(buffer: bytes, offset: int, limit: int) -> tuple[Scan, int]:
    """Read over damage from sound frame to sound frame; the second number is how many bytes were passed over."""
    frames: list[Frame] = []
    damaged = 0
    while True:
        found = scan(buffer, offset, limit=limit - len(frames))
        frames += found.frames
        following = None if found.whole else resume(buffer, found.stop)
        if following is None:
            return found._replace(frames=frames), damaged
        damaged += following - found.stop
        offset = following


def _bytes_of(segment: SegmentFile, position: int) -> bytes:
    wanted = min(READ_BYTES, segment.size - position)
    file = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(file, max(wanted, 0), position)
    finally:
        os.close(file)


def _is_foreign(buffer: bytes) -> bool:
    return buffer[: len(MAGIC) - 1] == MAGIC[:-1] and len(buffer) >= len(MAGIC) and not buffer.startswith(MAGIC)
