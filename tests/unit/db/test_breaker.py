"""When it is not worth while to ask a database."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from recsys.db.breaker import FAILURES, PROBE_SECONDS, STUCK_SECONDS, Breaker
from recsys.errors import DatabaseUnavailable, NotFound


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Read it."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands still."""
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    """Give a closed breaker."""
    return Breaker(clock)


def failing() -> None:
    """Find no database."""
    raise DatabaseUnavailable


def fail(breaker: Breaker, times: int, read: Callable[[], None] = failing) -> None:
    """Let so many reads fail."""
    for _ in range(times):
        with pytest.raises((DatabaseUnavailable, NotFound)):
            breaker.watch(read)


def test_it_opens_after_some_failures_in_a_row(breaker: Breaker) -> None:
    """One failure less changes nothing, a success between them counts anew, the last one opens it."""
    fail(breaker, FAILURES - 1)
    assert breaker.is_closed
    assert breaker.watch(lambda: "read") == "read"
    fail(breaker, FAILURES - 1)
    assert breaker.is_closed
    fail(breaker, 1)
    assert not breaker.is_closed


def test_a_database_that_refuses_is_there(breaker: Breaker) -> None:
    """Other errors are answers: they do not open it, and they close it."""

    def refuse() -> None:
        raise NotFound("nothing")

    fail(breaker, 2 * FAILURES, refuse)
    assert breaker.is_closed
    fail(breaker, FAILURES)
    fail(breaker, 1, refuse)
    assert breaker.is_closed


def test_open_it_is_tried_now_and_then(breaker: Breaker, clock: Clock) -> None:
    """One probe may begin each interval after the last failure; a probe that succeeds closes it."""
    fail(breaker, FAILURES)
    assert not breaker.claim_probe()
    clock.now += PROBE_SECONDS
    assert [breaker.claim_probe(), breaker.claim_probe()] == [True, False]
    fail(breaker, 1)
    clock.now += PROBE_SECONDS / 2
    assert not breaker.claim_probe()
    clock.now += PROBE_SECONDS / 2
    assert breaker.claim_probe()
    breaker.watch(lambda: None)
    assert breaker.is_closed


def test_it_is_open_while_a_read_hangs(breaker: Breaker, clock: Clock) -> None:
    """A read that takes too long opens it before it fails; when the read ends well it is closed again."""

    def hang() -> tuple[bool, bool]:
        before = breaker.is_closed
        clock.now += STUCK_SECONDS
        return before, breaker.is_closed

    assert breaker.watch(hang) == (True, False)
    assert breaker.is_closed
