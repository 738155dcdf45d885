"""Segments read back: live, torn, damaged, foreign."""

from __future__ import annotations

from pathlib import Path

import pytest

from recsys.events import reader
from recsys.events.folder import SegmentFile
from recsys.events.reader import read
from recsys.events.segment import MAGIC, PAYLOAD_MAX, frame

_FRAMES = [frame(1, str(number).encode() * 50) for number in range(6)]
_FILE = MAGIC + b"".join(_FRAMES)


def _segment(tmp_path: Path, content: bytes, *, closed: bool = True) -> SegmentFile:
    path = tmp_path / "00000001.seg"
    path.write_bytes(content)
    return SegmentFile(path, len(content), closed)


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Batches of two, each from the position of the one before, give every record once."""
    segment = _segment(tmp_path, _FILE)
    position, payloads = 0, []
    while position < segment.size:
        found = read(segment, position, limit=2)
        payloads += [one.payload for one in found.frames]
        position = found.position

    assert payloads == [str(number).encode() * 50 for number in range(6)]


@pytest.mark.parametrize("closed", [True, False])
def test_a_segment_torn_at_any_byte(tmp_path: Path, closed: bool) -> None:
    """Torn anywhere: a closed segment is read to its end and says what was torn, an open one waits for the rest."""
    for cut in range(len(_FILE)):
        found = read(_segment(tmp_path, _FILE[:cut], closed=closed), 0, limit=100)
        complete = max(0, cut - len(MAGIC)) // len(_FRAMES[0])
        whole = len(MAGIC) + complete * len(_FRAMES[0]) if cut >= len(MAGIC) else 0
        assert len(found.frames) == complete
        assert found.position == (cut if closed else whole)
        assert (found.torn_bytes, found.damaged_bytes) == ((cut - whole, 0) if closed else (0, 0))


def test_damage_costs_only_what_it_hit(tmp_path: Path) -> None:
    """Sound records before, between and behind damaged ones are saved, and the damage is counted."""
    damaged = bytearray(_FILE)
    size = len(_FRAMES[0])
    for number in (1, 2, 4):
        damaged[len(MAGIC) + number * size + 20] ^= 1
    found = read(_segment(tmp_path, bytes(damaged)), 0, limit=100)

    assert [one.payload[:1] for one in found.frames] == [b"0", b"3", b"5"]
    assert (found.damaged_bytes, found.torn_bytes, found.position) == (3 * size, 0, len(_FILE))


def test_a_damaged_last_record_and_a_damaged_header(tmp_path: Path) -> None:
    """Damage at either end of the file is counted as well, and is not taken for an interrupted write."""
    last = read(_segment(tmp_path, _FILE[:-1] + b"?"), 0, limit=100)
    assert (len(last.frames), last.damaged_bytes, last.torn_bytes) == (5, len(_FRAMES[0]), 0)

    header = read(_segment(tmp_path, b"scrambed" + _FILE[8:]), 0, limit=100)
    assert (len(header.frames), header.damaged_bytes) == (6, len(MAGIC))


def test_damage_in_a_live_segment_waits_until_it_is_closed(tmp_path: Path) -> None:
    """What may still be a write in progress is not judged."""
    damaged = bytearray(_FILE)
    damaged[len(MAGIC) + 20] ^= 1
    found = read(_segment(tmp_path, bytes(damaged), closed=False), 0, limit=100)

    assert (found.frames, found.position, found.damaged_bytes) == ([], len(MAGIC), 0)


def test_a_layout_of_the_future_is_left_alone(tmp_path: Path) -> None:
    """A segment of a newer version is neither read nor passed over."""
    found = read(_segment(tmp_path, b"recsysE2" + _FILE[8:]), 0, limit=100)

    assert (found.foreign, found.frames, found.position, found.damaged_bytes) == (True, [], 0, 0)


def test_segments_larger_than_one_read(tmp_path: Path) -> None:
    """Records across the edge of a read are whole in the next one, also with damage larger than a read before them."""
    large = [frame(1, bytes([number]) * (PAYLOAD_MAX - number)) for number in range(4)]
    junk = b"\x01" * (reader.READ_BYTES + 100)
    segment = _segment(tmp_path, MAGIC + large[0] + large[1] + junk + large[2] + large[3])
    position, found, damaged = 0, [], 0
    while position < segment.size:
        reading = read(segment, position, limit=100)
        found += [one.payload[0] for one in reading.frames]
        damaged += reading.damaged_bytes
        assert reading.position > position
        position = reading.position

    assert (found, damaged) == ([0, 1, 2, 3], len(junk))
