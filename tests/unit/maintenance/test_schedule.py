"""The one loop of every background job."""

from __future__ import annotations

import threading
import time

import pytest

from recsys.errors import Unavailable
from recsys.maintenance import schedule
from recsys.maintenance.schedule import Job, Schedule

SOON = 10.0


def test_a_job_is_done_at_once_and_again() -> None:
    """The first pass begins with the schedule, the next one after the pause."""
    passes = threading.Semaphore(0)
    with Schedule(Job("count", passes.release, 0.001)):
        assert passes.acquire(timeout=SOON)
        assert passes.acquire(timeout=SOON)


@pytest.mark.parametrize("error", [Unavailable(), ZeroDivisionError()])
def test_a_pass_that_fails_is_made_again(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Neither an expected nor an unexpected error ends the schedule; the next try comes sooner than the next pass."""
    monkeypatch.setattr(schedule, "RETRY_SECONDS", 0.001)
    passes = threading.Semaphore(0)

    def fail() -> None:
        passes.release()
        raise error

    with Schedule(Job("fail", fail, 3600.0)):
        assert passes.acquire(timeout=SOON)
        assert passes.acquire(timeout=SOON)


def test_a_failing_job_does_not_hold_up_another() -> None:
    """Each job has its own thread: one that hangs in a pass leaves the others running."""
    release, passes = threading.Event(), threading.Semaphore(0)
    with Schedule(Job("hang", lambda: release.wait(SOON), 0.001), Job("count", passes.release, 0.001)):
        assert passes.acquire(timeout=SOON)
        assert passes.acquire(timeout=SOON)
        release.set()


def test_the_end_waits_for_a_pass_and_not_for_a_pause() -> None:
    """A pass that has begun is finished; an hour's pause is cut short."""
    begun, finished = threading.Event(), threading.Event()

    def once() -> None:
        begun.set()
        finished.set()

    started = time.monotonic()
    with Schedule(Job("hourly", once, 3600.0)):
        assert begun.wait(SOON)
    assert finished.is_set()
    assert time.monotonic() - started < SOON


def test_starting_and_stopping_many_times_leaves_no_thread() -> None:
    """A hundred schedules that are left at once leave as many threads as there were."""
    before = threading.active_count()
    for _ in range(100):
        with Schedule(Job("one", int, 0.001), Job("two", int, 0.001)):
            pass
    assert threading.active_count() == before
