"""Finds workers whose event loop does not turn any more."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import structlog

from recsys import heartbeat

LOOK_SECONDS = 1.0

T = TypeVar("T")

_log = structlog.get_logger()


class Watchdog:
    """Looks at heartbeats once a second, however often it is asked."""

    def __init__(self, heartbeats: Path, stuck_seconds: float) -> None:
        self._heartbeats = heartbeats
        self._stuck_seconds = stuck_seconds
        self._suspects: dict[int, float] = {}
        self._look_at = 0.0

    def stuck(self, workers: Mapping[int, T]) -> Iterator[T]:
        """Find those among *workers*, by process id, whose last beat is too old."""
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        beats = {pid: heartbeat.last_beat(self._heartbeats, pid) for pid in workers}
        late = {pid: at for pid, at in beats.items() if at and now - at > self._stuck_seconds}
        for pid, at in late.items():
            # Twice the same: whoever stopped this process too, and let all go on, does not lose the workers.
            if self._suspects.get(pid) == at:
                _log.error("worker stuck, killing it", process=pid, seconds=round(now - at))
                yield workers[pid]
        self._suspects = late
