"""The keeper: one process a host beside the workers. It drains the spools and keeps partitions ahead.

It ends when its standard input does: whoever started it holds the other end, so it can not outlive a
service that was killed by more than its last drain.
"""

from __future__ import annotations

import signal
import sys
import threading

import structlog

from recsys import logs
from recsys.db.pool import Database
from recsys.errors import RecsysError
from recsys.events.drain import DrainPolicy, run_drain
from recsys.maintenance.partitions import ensure_ahead
from recsys.settings import Settings

UPKEEP_SECONDS = 3600.0
RETRY_SECONDS = 30.0

_log = structlog.get_logger()


def main() -> None:
    """Keep house until standard input ends, then drain what is left."""
    settings = Settings.from_environment()
    logs.configure(settings)
    stop = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the service says when it is over
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=_follow_parent, args=(stop,), name="parent", daemon=True).start()
    with Database.open(settings) as database:
        upkeep = threading.Thread(target=keep_partitions, args=(database, stop), name="partitions")
        upkeep.start()
        run_drain(database, settings.spool_dir, stop, DrainPolicy.of(settings))
        upkeep.join()


def keep_partitions(database: Database, stop: threading.Event) -> None:
    """Make the partitions that the policies want, now and every hour; a failure is logged and tried again sooner."""
    pause = 0.0
    while not stop.wait(pause):
        try:
            made = ensure_ahead(database)
            pause = UPKEEP_SECONDS
            if made:
                _log.info("partitions made", partitions=made)
        except RecsysError as error:
            pause = RETRY_SECONDS
            _log.warning("partitions not made", error=error.message, retry_in=pause)


def _follow_parent(stop: threading.Event) -> None:
    sys.stdin.buffer.read()
    stop.set()


if __name__ == "__main__":
    main()
