"""Keep what this process serves as the database is: follow the log of changes, and load anew what has changed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

import structlog

from recsys.db.pool import Database
from recsys.precedence import step_back
from recsys.snapshot.changes import ChangeLog, Changes
from recsys.snapshot.dawn import Dawn
from recsys.snapshot.pace import Pace
from recsys.snapshot.served import Notice
from recsys.snapshot.snapshots import Snapshots, State, utc_now
from recsys.snapshot.tail import extended
from recsys.snapshot.verify import Verifier

__all__ = ["Follower", "Snapshots", "State"]

LOOK_SECONDS = 0.25
"""Time between two looks at the log: one over 2,000 new rows takes 1.5 ms, and a change is to be served in a second."""

SESSIONS_EVERY = timedelta(seconds=2)
"""Time between two looks for new sessions, in the namespaces that weigh them: 5 s are promised."""

_STOP_SECONDS = 10.0

_log = structlog.get_logger()


class Following(Protocol):
    """Something in memory that is read again when the log names its tenant: the directory, the keys."""

    def forget(self, tenant_id: UUID | None) -> None:
        """Note that a tenant has changed; None means every tenant."""

    def catch_up(self) -> None:
        """Read what has changed and could not be read yet."""


class Follower:
    """Two threads, alive inside `with`: one looks at the log of changes, one loads what it has marked.

    What changes while a namespace is being loaded is one more load afterwards, however often it changes. The second
    thread also compares each namespace with a full load every *compare_every*; 0 is never. The folder *served* tells
    other processes what is in service.
    """

    def __init__(
        self,
        database: Database,
        snapshots: Snapshots,
        *following: Following,
        compare_every: timedelta = timedelta(0),
        served: Path | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._snapshots = snapshots
        self._following = following
        self._clock = clock
        self._log = ChangeLog()
        self._dawn = Dawn()
        self._notice = Notice(served)
        self._verifier = Verifier(database, snapshots, compare_every, clock)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._look_on, name="changes", daemon=True),
            threading.Thread(target=self._load_on, name="snapshots", daemon=True),
        ]
        self.looked_at: datetime | None = None
        """When the log was last read; serving may be as old as that."""
        self.looks = 0
        """How many looks have ended well."""
        self.failure: str | None = None
        """Why the last look failed; None if it did not."""

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._snapshots.close()
        for thread in self._threads:
            thread.join(_STOP_SECONDS)
        self._notice.take_down()

    def look_once(self) -> Changes:
        """Read the log once; mark the namespaces and refresh the tenants that have changed."""
        now = self._clock()
        with self._database.system() as conn:
            changes = self._log.look(conn, now)
        for tenant_id, namespace in {(None, None)} if changes.everything else changes.namespaces:
            self._snapshots.mark(tenant_id, namespace)
        for key in self._dawn.turns((state.snapshot for state in self._snapshots.states()), now):
            self._snapshots.mark(*key)
        self._notice.put_up(self._snapshots.states())
        for tenant in {None} if changes.everything else changes.tenants:
            for one in self._following:
                one.forget(tenant)
        for one in self._following:
            one.catch_up()
        self.looked_at = now
        self.looks += 1
        return changes

    def extend_once(self) -> int:
        """Bring the newest sessions into every snapshot that remembers any; return how many were swapped."""
        swapped = 0
        for state in self._snapshots.states():
            if state.snapshot.sessions:
                with suppress(Exception), self._database.reading() as conn:  # the next look may be luckier
                    newer = extended(conn, state.snapshot, self._clock())
                    swapped += newer is not state.snapshot and self._snapshots.exchange(state.snapshot, newer)
        return swapped

    def _look_on(self) -> None:
        while not self._stop.is_set():
            try:
                self.look_once()
            except Exception as error:  # noqa: BLE001  whatever is wrong, the next look may be right
                self._fail(str(error))
            else:
                self._recover()
            self._stop.wait(LOOK_SECONDS)

    def _load_on(self) -> None:
        step_back(os.getpid())
        extended_at, pace = self._clock(), Pace()
        while not self._stop.is_set():
            began = time.monotonic()
            self._snapshots.refresh_once()
            self._stop.wait(pace.rest(began, time.monotonic()))
            self._verify()
            if self._clock() - extended_at >= SESSIONS_EVERY:
                self.extend_once()
                extended_at = self._clock()
            self._snapshots.wait(LOOK_SECONDS)

    def _verify(self) -> None:
        try:
            self._verifier.verify_once()
        except Exception as error:  # noqa: BLE001  the next comparison may be luckier
            _log.warning("a snapshot can not be compared with the database", error=str(error))

    def _fail(self, failure: str) -> None:
        if self.failure is None:
            _log.warning("changes can not be followed; what is loaded serves on", error=failure)
        self.failure = failure

    def _recover(self) -> None:
        if self.failure is not None:
            _log.info("changes are followed again")
        self.failure = None
