"""The keeper: one process a host beside the workers. It drains the spools, keeps partitions ahead, builds signals.

It ends when its standard input does: whoever started it holds the other end, so it can not outlive a
service that was killed by more than its last drain.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from functools import partial

import structlog

from recsys import keeper_gauges, logs
from recsys.db.pool import Database
from recsys.errors import Unavailable
from recsys.events.drain import DrainPolicy, run_drain
from recsys.maintenance.archive import archive_of
from recsys.maintenance.schedule import Job, Schedule
from recsys.maintenance.upkeep import Upkeep, upkeep_once
from recsys.settings import Settings
from recsys.signals.build import Built
from recsys.signals.pending import build_pending

UPKEEP_SECONDS = 3600.0
NICENESS = 5
"""Serving goes first where cores are few."""

_log = structlog.get_logger()


def main() -> None:
    """Keep house until standard input ends, then drain what is left."""
    settings = Settings.from_environment()
    logs.configure(settings)
    os.nice(NICENESS)
    stop = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the service says when it is over
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=_follow_parent, args=(stop,), name="parent", daemon=True).start()
    with Database.open(settings, must_answer=False) as database, Schedule(*_jobs(database, settings, stop)):
        run_drain(database, settings.spool_dir, stop, DrainPolicy.of(settings))


def _jobs(database: Database, settings: Settings, stop: threading.Event) -> Iterator[Job]:
    archive = archive_of(settings)
    yield Job("gauges", lambda: keeper_gauges.observe(database, settings), keeper_gauges.EVERY_SECONDS)
    yield Job("upkeep", lambda: _keep_up(upkeep_once(database, archive)), UPKEEP_SECONDS)
    if settings.signals_interval:
        jobs = min(settings.signals_jobs, max(1, settings.db_pool_size // 2))  # the drain never waits for a connection
        pending = partial(build_pending, database, stop.is_set, jobs=jobs)
        yield Job("signals", lambda: _tell(pending()), settings.signals_interval)


def _keep_up(done: Upkeep) -> None:
    if done.made or done.dropped:
        _log.info("partitions kept up", made=done.made, dropped=done.dropped)
    if done.problems:
        raise Unavailable(" ".join(done.problems))


def _tell(built: dict[str, Built]) -> None:
    for tenant, done in built.items():
        changed = done.popularity.written + done.covisitation.written
        _log.info("signals built", tenant=tenant, days=done.days, events=done.events, rows=changed)


def _follow_parent(stop: threading.Event) -> None:
    sys.stdin.buffer.read()
    stop.set()


if __name__ == "__main__":
    main()
