"""The workers of a service: started, watched, replaced one after the other while they answer."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import structlog

from recsys import heartbeat
from recsys.errors import OperatorError
from recsys.server.watchdog import Watchdog
from recsys.server.worker import DRAIN_SECONDS, run

READY_SECONDS = 120.0
"""How long a new worker may take until it answers; the one before it serves meanwhile."""
CLOSE_SECONDS = 5.0
"""How long a worker may take to end after it has finished what it had begun."""
RESPAWN_SECONDS = 1.0
"""How long nothing is started in place of a worker that ended before it answered."""
TRIES = 2
"""So many workers may end in one place before they answer, where no other worker answers."""
LOOK_SECONDS = 1.0
_POLL_SECONDS = 0.05
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_spawn = multiprocessing.get_context("spawn")  # a worker inherits no thread, no lock and no connection
_log = structlog.get_logger()


@dataclass(eq=False)
class Worker:
    """One process."""

    place: int
    process: BaseProcess
    end_by: float
    """When it is killed, unless it answers or has ended by then."""
    has_answered: bool = False

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process.pid is not None  # noqa: S101  it was started
        return self.process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it runs no more."""
        return not self.process.is_alive()


@dataclass
class Place:
    """Where one worker serves after the other."""

    worker: Worker | None = None
    start_at: float = 0.0
    failures: int = 0
    """Workers in a row that ended here before they answered."""


@dataclass
class Workers:
    """So many processes that answer from one socket, until SIGTERM or SIGINT; SIGHUP replaces them."""

    application: str
    listening: socket.socket
    count: int
    heartbeats: Path
    stuck_seconds: float
    _heard: set[int] = field(default_factory=set)
    _places: list[Place] = field(default_factory=list)
    _waiting: deque[int] = field(default_factory=deque)
    """Places whose worker is still to be replaced."""
    _successor: Worker | None = None
    _retiring: list[Worker] = field(default_factory=list)

    def serve(self) -> None:
        """Have workers answer until told to stop; OperatorError where none can."""
        self._places = [Place() for _ in range(self.count)]
        watchdog = Watchdog(self.heartbeats, self.stuck_seconds)
        with self._hearing() as bell:
            try:
                while not self._heard & {signal.SIGTERM, signal.SIGINT}:
                    if signal.SIGHUP in self._heard:
                        self._heard.clear()
                        self._waiting = deque(range(self.count))
                    self._turn(time.monotonic())
                    for worker in watchdog.stuck({worker.pid: worker for worker in self._serving()}):
                        worker.process.kill()
                    self._sleep(bell)
            finally:
                self._stop()

    @contextmanager
    def _hearing(self) -> Iterator[int]:
        """Note signals, and ring a bell for each: a file that can be waited for."""
        bell = os.eventfd(0, os.EFD_CLOEXEC)

        def hear(number: int, _frame: Any) -> None:
            self._heard.add(number)
            os.eventfd_write(bell, 1)

        before = {number: signal.signal(number, hear) for number in _SIGNALS}
        try:
            yield bell
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(bell)

    def _sleep(self, bell: int) -> None:
        """Wait until a worker ends, a signal comes, or it is time to look."""
        moving = self._successor or self._retiring or any(place.worker is None for place in self._places)
        sentinels = [worker.process.sentinel for worker in self._all()]
        if bell in wait([bell, *sentinels], _POLL_SECONDS if moving else LOOK_SECONDS):
            os.eventfd_read(bell)

    def _turn(self, now: float) -> None:
        """Do what is to be done now, and wait for nothing."""
        for number, place in enumerate(self._places):
            if place.worker is not None and self._answers(place.worker):
                place.failures = 0
            if place.worker is not None and place.worker.has_ended:
                self._note_end(place, place.worker, now)
            if place.worker is None and not self._is_replaced(number) and now >= place.start_at:
                place.worker = self._start(number)
        self._retire_further(now)
        self._replace_further(now)

    def _note_end(self, place: Place, worker: Worker, now: float) -> None:
        _log.error("worker ended", worker=worker.place + 1, exit_code=worker.process.exitcode)
        heartbeat.forget(self.heartbeats, worker.pid)
        place.worker = None
        if worker.has_answered:
            return
        place.failures += 1
        place.start_at = now + RESPAWN_SECONDS
        if place.failures >= TRIES and not any(map(self._answers, self._serving())):
            raise OperatorError("No worker can start; the log says why.")

    def _retire_further(self, now: float) -> None:
        for worker in list(self._retiring):
            if worker.has_ended:
                self._retiring.remove(worker)
                heartbeat.forget(self.heartbeats, worker.pid)
                _log.info("worker replaced", worker=worker.place + 1)
            elif now > worker.end_by:
                worker.process.kill()

    def _replace_further(self, now: float) -> None:
        new = self._successor
        if new is None:
            if self._waiting and not self._retiring:
                self._successor = self._start(self._waiting.popleft())
        elif not new.has_ended and self._answers(new):
            place, self._successor = self._places[new.place], None
            old, place.worker, place.failures = place.worker, new, 0
            if old is not None:
                old.end_by = now + DRAIN_SECONDS + CLOSE_SECONDS
                old.process.terminate()
                self._retiring.append(old)
        elif new.has_ended or now > new.end_by:
            _log.error("a new worker does not answer; the old ones serve on", worker=new.place + 1)
            self._kill(new)
            self._successor = None
            self._waiting.clear()

    def _is_replaced(self, place: int) -> bool:
        return self._successor is not None and self._successor.place == place

    def _start(self, place: int) -> Worker:
        process = _spawn.Process(target=run, args=(self.application, self.listening), name=f"worker {place + 1}")
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until the worker is ready to pass over it
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return Worker(place, process, time.monotonic() + READY_SECONDS)

    def _answers(self, worker: Worker) -> bool:
        """Whether its loop has turned, also when it has ended since."""
        worker.has_answered = worker.has_answered or heartbeat.last_beat(self.heartbeats, worker.pid) is not None
        return worker.has_answered

    def _serving(self) -> list[Worker]:
        return [place.worker for place in self._places if place.worker is not None]

    def _all(self) -> list[Worker]:
        return [*self._serving(), *self._retiring, *([self._successor] if self._successor else [])]

    def _stop(self) -> None:
        """Let all finish what they have begun, and leave none behind."""
        self.listening.close()
        workers, deadline = self._all(), time.monotonic() + DRAIN_SECONDS + CLOSE_SECONDS
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.join(max(deadline - time.monotonic(), 0))
        for worker in workers:
            self._kill(worker)

    def _kill(self, worker: Worker) -> None:
        worker.process.kill()
        worker.process.join()
        heartbeat.forget(self.heartbeats, worker.pid)
