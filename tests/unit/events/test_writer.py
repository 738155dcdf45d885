"""Segments on disk: rotation, failing writes, failing syncs."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from recsys.events.segment import MAGIC, frame
from recsys.events.writer import SegmentWriter

_FRAME = frame(1, b"x" * 100)


def _files(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def test_no_file_before_the_first_record(tmp_path: Path) -> None:
    """A process that never writes leaves nothing to drain."""
    writer = SegmentWriter(tmp_path)
    writer.sync()
    writer.close()

    assert _files(tmp_path) == []


def test_a_full_segment_is_followed_by_a_new_one(tmp_path: Path) -> None:
    """A segment that has reached its size takes no further write; nothing is split."""
    writer = SegmentWriter(tmp_path, segment_bytes=200)
    for _ in range(5):
        writer.write(_FRAME)
    writer.close()

    assert _files(tmp_path) == [MAGIC + _FRAME * 2, MAGIC + _FRAME * 2, MAGIC + _FRAME]


def test_an_old_segment_is_followed_by_a_new_one(tmp_path: Path) -> None:
    """A segment that has reached its age takes no further write, so that it can be removed."""
    writer = SegmentWriter(tmp_path, segment_seconds=0.0)
    writer.write(_FRAME)
    writer.write(_FRAME)
    writer.close()

    assert _files(tmp_path) == [MAGIC + _FRAME] * 2


def test_a_failed_write_leaves_nothing_and_its_place_is_never_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that takes half of a write gets it cut off, and what follows goes to a new segment.

    A drain may already have read, and recorded as done, what was cut off: writing there again would lose events.
    """
    writer = SegmentWriter(tmp_path)
    writer.write(_FRAME)
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", _half_then_full(os.write))
        with pytest.raises(OSError, match="No space"):
            writer.write(_FRAME)
    writer.write(_FRAME)
    writer.close()

    assert _files(tmp_path) == [MAGIC + _FRAME] * 2


def _half_then_full(write: Callable[[int, bytes], int]) -> Callable[[int, bytes], int]:
    """Stand in for os.write on a disk that takes half of the next write, and then nothing."""
    room = [True]

    def limited(file: int, data: bytes) -> int:
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        room.clear()
        return write(file, data[: len(data) // 2])

    return limited


def test_a_segment_that_can_not_be_begun_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk no headless segments pile up, and writing goes on when there is room again."""
    writer = SegmentWriter(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", _fail)
        with pytest.raises(OSError, match="No space"):
            writer.write(_FRAME)
    assert _files(tmp_path) == []

    writer.write(_FRAME)
    writer.close()
    assert _files(tmp_path) == [MAGIC + _FRAME]


def test_a_failed_sync_retires_the_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an fsync error nothing is appended to the file whose content nobody knows any more."""
    writer = SegmentWriter(tmp_path)
    writer.write(_FRAME)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", _fail)
        with pytest.raises(OSError, match="No space"):
            writer.sync()
    writer.write(_FRAME)
    writer.close()

    assert _files(tmp_path) == [MAGIC + _FRAME] * 2


def test_everything_written_is_synced_and_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that rotation left behind are synced by the next sync, once, and none stays open."""
    before = set(Path("/proc/self/fd").iterdir())
    synced: list[int] = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda file: (synced.append(file), real(file)))
    writer = SegmentWriter(tmp_path, segment_bytes=1)
    for _ in range(3):
        writer.write(_FRAME)
    writer.sync()
    assert len(set(synced)) == 3

    writer.close()
    assert set(Path("/proc/self/fd").iterdir()) <= before


def _fail(*_: object) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")
