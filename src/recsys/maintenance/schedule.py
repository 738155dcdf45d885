"""Runs a bounded pass again and again until it is told to stop: the one loop of every background job."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

import structlog

from recsys.errors import RecsysError

RETRY_SECONDS = 30.0

_log = structlog.get_logger()


class Job(NamedTuple):
    """One bounded pass, and how often it is made."""

    name: str
    once: Callable[[], object]
    every: float
    """Seconds from the end of a pass to the next one."""


class Schedule:
    """A thread for each job, alive inside `with`. A pass that has begun is finished before the block is left.

    A pass that raises is logged and made again after RETRY_SECONDS, or when it is due if that is sooner: a job may
    fail for as long as the database is away, and never ends the schedule.
    """

    def __init__(self, *jobs: Job) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._repeat, args=(job,), name=job.name) for job in jobs]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def stopping(self) -> bool:
        """Whether a long pass should come to its end."""
        return self._stop.is_set()

    def _repeat(self, job: Job) -> None:
        pause = 0.0
        while not self._stop.wait(pause):
            pause = job.every if _succeeds(job) else min(RETRY_SECONDS, job.every)


def _succeeds(job: Job) -> bool:
    try:
        job.once()
    except RecsysError as error:
        _log.warning("job failed, tried again soon", job=job.name, error=error.message)
        return False
    except Exception:  # noqa: BLE001  a job may fail in any way and must not end the loop
        _log.exception("job failed, tried again soon", job=job.name)
        return False
    return True
