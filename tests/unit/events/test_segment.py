"""Frames: whole, torn and damaged."""

from __future__ import annotations

import pytest

from recsys.events.segment import HEADER_BYTES, PAYLOAD_MAX, frame, is_torn, read_frame, resume, scan

_PAYLOADS = [b"first", b"", b"x" * 300, b"last"]
_FRAMES = [frame(kind, payload) for kind, payload in enumerate(_PAYLOADS, start=1)]
_WHOLE = b"".join(_FRAMES)


def test_what_is_framed_is_read_back_in_order() -> None:
    """Kind and payload of every frame come back, empty payloads included."""
    found = scan(_WHOLE, limit=100)

    assert [(one.kind, one.payload) for one in found.frames] == list(enumerate(_PAYLOADS, start=1))
    assert (found.stop, found.whole) == (len(_WHOLE), True)


def test_a_file_torn_at_any_byte_keeps_the_frames_before_it() -> None:
    """Cut anywhere, exactly the frames that are complete are read, and the rest is known to be torn."""
    ends = [sum(map(len, _FRAMES[: count + 1])) for count in range(len(_FRAMES))]

    for cut in range(len(_WHOLE)):
        found = scan(_WHOLE[:cut], limit=100)
        complete = sum(end <= cut for end in ends)
        assert len(found.frames) == complete
        assert found.whole == (cut in {0, *ends})
        assert is_torn(_WHOLE[found.stop : cut])


def test_any_flipped_byte_costs_its_own_frame_only() -> None:
    """Whatever single byte is wrong, the frames around it are found again and no wrong payload is returned."""
    for at in range(len(_WHOLE)):
        damaged = bytearray(_WHOLE)
        damaged[at] ^= 0x5A
        before = scan(bytes(damaged), limit=100)
        following = resume(bytes(damaged), before.stop)
        after = scan(bytes(damaged), following, limit=100).frames if following is not None else []
        sound = [one.payload for one in before.frames + after]
        assert len(sound) == len(_PAYLOADS) - 1
        assert set(sound) < set(_PAYLOADS)


def test_zeros_are_torn_and_not_frames() -> None:
    """A tail that a power cut left as zeros holds no record, however long it is."""
    assert scan(bytes(64), limit=100).frames == []
    assert is_torn(bytes(64))


def test_a_wrong_checksum_at_the_end_is_damage() -> None:
    """A last frame that is complete but unsound is not taken for an interrupted write."""
    assert not is_torn(_FRAMES[0][:-1] + b"?")


def test_a_limit_stops_at_a_frame() -> None:
    """With a limit the rest is left for the next scan, which begins where this one stopped."""
    first = scan(_WHOLE, limit=3)

    assert (len(first.frames), first.whole) == (3, True)
    assert scan(_WHOLE, first.stop, limit=3).frames[0].payload == b"last"


def test_a_record_above_the_limit_is_refused_before_it_is_written() -> None:
    """What no reader would accept is never framed."""
    frame(1, bytes(PAYLOAD_MAX))
    with pytest.raises(ValueError, match="at most"):
        frame(1, bytes(PAYLOAD_MAX + 1))


def test_half_a_header_is_no_frame() -> None:
    """Reading past the end finds nothing rather than failing."""
    assert read_frame(_WHOLE[: HEADER_BYTES - 1], 0) is None
    assert read_frame(b"", 0) is None
