"""The workers of a service: started, watched, replaced one after the other while they answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from granian.net import SocketSpec  # type: ignore[attr-defined]  # granian does not list it
from granian.server.mp import MPServer, WorkerProcess

from recsys import heartbeat

READY_SECONDS = 120.0
"""How long a new worker may take until it answers; the one before it serves meanwhile."""
LOOK_SECONDS = 1.0
_POLL_SECONDS = 0.05

_log = structlog.get_logger()


class Workers(MPServer):
    """A granian server whose workers share one listening socket and beat into *heartbeats*.

    With a socket each, as granian has it, what waits in the queue of a worker that ends is reset.
    """

    def __init__(self, *arguments: Any, heartbeats: Path, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._heartbeats = heartbeats

    def _init_shared_socket(self) -> None:
        held: Any = SocketSpec(self.bind_addr, self.bind_port, self.backlog).build()
        self._ssp, self._shd, self._sfd = None, held, held.get_fd()
        self._sso = socket.socket(fileno=self._sfd)
        self._sso.set_inheritable(True)

    def _respawn_workers(
        self,
        workers: Iterable[int],
        spawn_target: Any,
        target_loader: Any,
        delay: float = 0,  # noqa: ARG002  granian's own way waits so long, ready or not
    ) -> None:
        """Replace workers: those that ended at once, those that live once their successor answers (SIGHUP)."""
        for place in workers:
            if self.interrupt_signal:
                return
            old: Any = self.wrks[place]
            heartbeat.forget(self._heartbeats, _pid(old))
            self.respawned_wrks[place] = time.monotonic()
            new: Any = self._spawn_worker(idx=place, target=spawn_target, callback_loader=target_loader)
            new.interrupt_by_parent = rolling = old.is_alive()
            new.start()
            if rolling and not self._answers(new):
                _log.error("a new worker does not answer; the old ones serve on", worker=place + 1)
                new.kill()
                return
            new.interrupt_by_parent = False
            self.wrks[place] = new
            if rolling:
                self._retire(old)

    def _answers(self, worker: Any) -> bool:
        deadline = time.monotonic() + READY_SECONDS
        while heartbeat.last_beat(self._heartbeats, _pid(worker)) is None:
            if not worker.is_alive() or self.interrupt_signal or time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _retire(self, worker: Any) -> None:
        worker.terminate()
        worker.join(self.workers_kill_timeout)
        if worker.is_alive():
            worker.kill()
            worker.join()
        _log.info("worker replaced", worker=worker.idx + 1)

    @contextmanager
    def watched(self, stuck_seconds: float) -> Iterator[None]:
        """Kill workers whose loop has not turned for *stuck_seconds*, until the block ends; they are replaced."""
        stop = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(stuck_seconds, stop), name="watchdog", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()

    def _watch(self, stuck_seconds: float, stop: threading.Event) -> None:
        suspects: dict[int, float] = {}
        while not stop.wait(LOOK_SECONDS):
            beats = {_pid(worker): heartbeat.last_beat(self._heartbeats, _pid(worker)) for worker in self.wrks}
            late = {pid: at for pid, at in beats.items() if at and time.monotonic() - at > stuck_seconds}
            for worker in list(self.wrks):
                # Twice the same: whoever stopped this process too, and let all go on, does not lose the workers.
                if (at := late.get(_pid(worker))) is not None and suspects.get(_pid(worker)) == at:
                    _log.error("worker stuck, killing it", worker=worker.idx + 1, seconds=round(time.monotonic() - at))
                    heartbeat.forget(self._heartbeats, _pid(worker))
                    worker.inner.kill()
            suspects = late


def _pid(worker: WorkerProcess) -> int:
    pid: int = worker.inner.pid
    return pid
