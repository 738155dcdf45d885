"""How long a history that was read is good."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from recsys.events import histories as module
from recsys.events.histories import BRIEF_SECONDS, FRESH_SECONDS, SETTLING_SECONDS, Histories, marks
from recsys.ranking.query import Event

_TENANT = UUID(int=1)
_ADA = marks(_TENANT, b"ada", None)
_EVENTS = (Event("a", "click", datetime(2026, 5, 1, tzinfo=UTC)),)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        """Say what time it is."""
        return self.time


@pytest.fixture
def clock() -> Clock:
    """The clock of this test's histories."""
    return Clock()


@pytest.fixture
def histories(clock: Clock) -> Histories:
    """Histories that hold Ada's."""
    made = Histories(clock)
    made.put(_ADA, _EVENTS, made.now())
    return made


def test_a_history_is_good_for_a_while(histories: Histories, clock: Clock) -> None:
    """Untouched, it is answered from memory until its time is over, and then no more."""
    clock.time += FRESH_SECONDS - 0.01
    assert histories.get(_ADA) == _EVENTS
    clock.time += 0.01
    assert histories.get(_ADA) is None


def test_a_visitor_who_did_something_is_read_anew(histories: Histories, clock: Clock) -> None:
    """After being told, what was read before is good for a moment only; others are not touched."""
    histories.put(bob := marks(_TENANT, b"bob", None), _EVENTS, histories.now())
    histories.tell(_ADA)
    clock.time += BRIEF_SECONDS
    assert (histories.get(_ADA), histories.get(bob)) == (None, _EVENTS)


def test_what_is_read_before_the_drain_was_there_is_not_kept_long(histories: Histories, clock: Clock) -> None:
    """A read right after an interaction may miss it: it is good for a moment only, until the drain is done."""
    histories.tell(_ADA)
    clock.time += SETTLING_SECONDS - 0.01
    histories.put(_ADA, _EVENTS, histories.now())
    clock.time += BRIEF_SECONDS
    assert histories.get(_ADA) is None
    histories.put(_ADA, _EVENTS, histories.now())
    clock.time += BRIEF_SECONDS
    assert histories.get(_ADA) == _EVENTS


def test_person_and_session_are_told_apart_and_together(histories: Histories, clock: Clock) -> None:
    """A history of person and session changes with either; tenants share nothing."""
    both = marks(_TENANT, b"ada", "s1")
    elsewhere = marks(UUID(int=2), b"ada", "s1")
    for whose in (both, elsewhere):
        histories.put(whose, _EVENTS, histories.now())
    histories.tell(marks(_TENANT, None, "s1"))
    clock.time += BRIEF_SECONDS
    assert histories.get(both) is None
    assert histories.get(elsewhere) == histories.get(_ADA) == _EVENTS
    assert marks(_TENANT, None, None) == ()


def test_forgetting_reaches_what_is_being_read(histories: Histories, clock: Clock) -> None:
    """After an erasure nothing is kept, and a read that began before it does not bring anything back."""
    asked_at = histories.now()
    clock.time += 0.1
    histories.forget()
    histories.put(_ADA, _EVENTS, asked_at)
    assert (histories.get(_ADA), len(histories)) == (None, 0)


def test_memory_is_bounded(histories: Histories, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest histories go first; when too many visitors changed to remember whom, everybody counts as changed."""
    monkeypatch.setattr(module, "HISTORIES_MAX", 3)
    monkeypatch.setattr(module, "TOLD_MAX", 3)
    visitors = [marks(_TENANT, bytes([number]), None) for number in range(5)]
    for visitor in visitors:
        histories.put(visitor, _EVENTS, histories.now())
    assert [histories.get(visitor) is not None for visitor in visitors] == [False, False, True, True, True]
    histories.tell(mark for number in range(10, 15) for mark in marks(_TENANT, bytes([number]), None))
    clock.time += BRIEF_SECONDS
    assert histories.get(visitors[4]) is None


def test_what_is_too_old_is_let_go(histories: Histories, clock: Clock) -> None:
    """A sweep keeps nothing that could not be answered from."""
    clock.time += FRESH_SECONDS + 0.01
    histories.sweep()
    assert len(histories) == 0
