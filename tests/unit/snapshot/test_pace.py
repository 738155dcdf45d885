"""Refreshing leaves time to serving."""

from __future__ import annotations

from recsys.snapshot.pace import BURST_SECONDS, REST_MAX_SECONDS, SHARE, Pace


def test_single_changes_are_not_slowed_down() -> None:
    """Work of half a second every two seconds never rests."""
    pace = Pace()
    assert [pace.rest(now, now + 0.5) for now in range(0, 100, 2)] == [0] * 50


def test_changes_without_end_get_their_share() -> None:
    """Work that is always there takes a burst, and then no more than its share of the time."""
    pace, now, worked = Pace(), 0.0, 0.0
    while now < 1000:
        rest = pace.rest(now, now + 0.4)
        worked += 0.4
        now += 0.4 + rest
    assert 0.9 * SHARE * now < worked < SHARE * now + BURST_SECONDS + 1


def test_a_long_load_is_followed_by_a_short_rest() -> None:
    """After a minute of loading what waits begins within a second, and the next change after it is not punished."""
    pace = Pace()
    assert pace.rest(0, 60) == REST_MAX_SECONDS
    assert pace.rest(70, 70.1) == 0
