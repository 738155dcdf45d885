"""How often somebody may ask, by a clock that the tests move."""

from __future__ import annotations

from pathlib import Path

import pytest

from recsys.api import ledger
from recsys.api.ledger import OwnLedger, SharedLedger
from recsys.api.limits import Bucket, Limits
from recsys.errors import RateLimited
from recsys.settings import Settings


class Clock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Say what time it is."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Stop the time."""
    return Clock()


def test_a_burst_passes_and_what_is_more_waits(clock: Clock) -> None:
    """At 10 a second with 2 seconds' worth, 20 come at once; the 21st is told to wait a tenth of a second."""
    bucket = Bucket(10, 2, clock=clock)
    taken = [bucket.take("acme") for _ in range(21)]
    assert [one.allowed for one in taken] == [True] * 20 + [False]
    assert [one.remaining for one in taken[:20]] == list(range(19, -1, -1))
    assert taken[-1].wait == pytest.approx(0.1)
    assert taken[-1].reset == pytest.approx(2.0)


def test_the_rate_is_kept(clock: Clock) -> None:
    """Over a hundred seconds of asking twice as often as allowed, the rate passes and the burst beside it."""
    bucket = Bucket(10, 2, clock=clock)
    allowed = 0
    for _ in range(2000):
        allowed += bucket.take("acme").allowed
        clock.now += 0.05
    assert allowed == pytest.approx(1000 + 20, abs=2)


def test_who_was_refused_is_not_punished(clock: Clock) -> None:
    """Refused requests cost nothing: after the wait that was named the next one passes."""
    bucket = Bucket(1, 1, clock=clock)
    assert bucket.take("acme").allowed
    for _ in range(100):
        refused = bucket.take("acme")
        assert not refused.allowed
    clock.now += refused.wait
    assert bucket.take("acme").allowed


def test_names_do_not_share(clock: Clock) -> None:
    """One tenant's burst leaves another's whole."""
    bucket = Bucket(1, 5, clock=clock)
    assert all(bucket.take("a").allowed for _ in range(5))
    assert bucket.take("b").remaining == 4


def test_a_slow_rate_still_lets_one_pass(clock: Clock) -> None:
    """A rate of one an hour with a burst of a second allows one request, not none."""
    bucket = Bucket(1 / 3600, 1, clock=clock)
    assert [bucket.take("a").allowed for _ in range(2)] == [True, False]


def test_names_are_forgotten_when_they_are_full(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many names come by, only those that still owe something are kept."""
    monkeypatch.setattr(ledger, "NAMES_MAX", 10)
    kept = OwnLedger()
    bucket = Bucket(1, 1, ledger=kept, clock=clock)
    for number in range(100):
        bucket.take(number)
        clock.now += 0.5
    assert len(kept) <= 10


def test_where_no_limit_is_set_nothing_is_counted() -> None:
    """By default there is no limit and no header."""
    counted = Limits(Settings())
    assert all(counted.count("acme", "key") == () for _ in range(1000))


def test_the_nearer_limit_is_shown(clock: Clock, tmp_path: Path) -> None:
    """Headers tell of the limit that will be reached first, and 429 carries them with the time to wait."""
    counted = Limits(
        Settings(data_dir=tmp_path, rate_limit_tenant=10, rate_limit_key=2, rate_burst_seconds=1), clock=clock
    )
    assert dict(counted.count("acme", "one"))[b"ratelimit-remaining"] == b"1"
    counted.count("acme", "one")
    with pytest.raises(RateLimited) as refusal:
        counted.count("acme", "one")
    assert refusal.value.retry_after == pytest.approx(0.5)
    assert dict(refusal.value.headers) == {
        b"ratelimit-limit": b"2",
        b"ratelimit-remaining": b"0",
        b"ratelimit-reset": b"1",
    }
    assert dict(counted.count("acme", "two"))[b"ratelimit-limit"] == b"2"


def test_a_key_over_its_limit_takes_nothing_from_its_tenant(clock: Clock, tmp_path: Path) -> None:
    """One key gone wild leaves the others of its tenant what is theirs."""
    counted = Limits(
        Settings(data_dir=tmp_path, rate_limit_tenant=3, rate_limit_key=1, rate_burst_seconds=1), clock=clock
    )
    counted.count("acme", "wild")
    for _ in range(50):
        with pytest.raises(RateLimited):
            counted.count("acme", "wild")
    counted.count("acme", "calm")
    counted.count("acme", "third")


def test_workers_of_a_host_share_one_limit(clock: Clock, tmp_path: Path) -> None:
    """Whichever of two processes is asked, a burst of ten is ten; another name has its own."""
    path = tmp_path / "limits" / "tenants"
    workers = [Bucket(1, 10, ledger=SharedLedger(path), clock=clock) for _ in range(2)]
    allowed = [workers[turn % 2].take("acme").allowed for turn in range(30)]
    assert allowed == [True] * 10 + [False] * 20
    assert workers[0].take("other").remaining == 9
    clock.now += 3
    assert [workers[turn % 2].take("acme").allowed for turn in range(4)] == [True, True, True, False]


def test_a_table_from_before_a_restart_of_the_host_locks_nobody_out(clock: Clock, tmp_path: Path) -> None:
    """Times that lie further ahead than a limit can owe are those of another clock, and count for nothing."""
    kept = SharedLedger(tmp_path / "limits")
    kept.write("acme", 1e9, clock.now)
    bucket = Bucket(1, 10, ledger=kept, clock=clock)
    assert bucket.take("acme").remaining == 9


def test_names_that_find_no_slot_displace_who_owes_least(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With more names than slots, counting goes on and nobody is refused for another's requests."""
    monkeypatch.setattr(ledger, "SLOTS", 8)
    bucket = Bucket(1, 5, ledger=SharedLedger(tmp_path / "limits"), clock=clock)
    for _ in range(3):
        bucket.take("busy")
    assert all(bucket.take(number).allowed for number in range(100))
    assert bucket.take("busy").remaining == 1
