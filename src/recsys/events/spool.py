"""The spool of one process: what was acknowledged outlives it.

All records of one turn of the event loop are written with one write(2); a thread syncs behind it.

=================  ==============================  ===============================================================
what               its promise begins              and holds against
=================  ==============================  ===============================================================
an exposure        with `written()`                a killed process; a power cut loses at most the sync interval
                                                   (nothing with RECSYS_EXPOSURE_SYNC=full)
an interaction     with `synced()`                 a killed process and a power cut
=================  ==============================  ===============================================================

When the spool is full (its bound or the disk's), `append` says False and counts: recommendations go on without
their record. `append_batch` takes all of a batch or raises Overloaded: nothing of it was taken.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from recsys.eager import Promise
from recsys.errors import Overloaded, Unavailable
from recsys.events import folder
from recsys.events.room import DEFAULT_BOUNDS, Bounds, room
from recsys.events.segment import frame
from recsys.events.syncer import Syncer, Waiters, resolve
from recsys.events.writer import SegmentWriter
from recsys.settings import Settings

SYNC_SECONDS = 0.05
"""How long an exposure may lie in the page cache only."""
RETRY_AFTER_FULL = 10.0
RETRY_AFTER_ERROR = 1.0

_log = structlog.get_logger()


class Counts:
    """What a spool did since it was opened; read by the metrics."""

    __slots__ = ("dropped", "failed_syncs", "records", "refused", "written_bytes")

    def __init__(self) -> None:
        self.records = 0
        self.written_bytes = 0
        self.dropped = 0
        """Exposures that are not in the log: the spool was full, or their write failed."""
        self.refused = 0
        """Batches that were refused because the spool was full."""
        self.failed_syncs = 0


class Spool:
    """An open spool. ``async with`` for a server; ``with`` and `append_now` where there is no event loop.

    Not thread-safe: everything is called from the thread that entered it.
    """

    def __init__(
        self,
        root: Path,
        *,
        bounds: Bounds = DEFAULT_BOUNDS,
        full_sync: bool = False,
        sync_seconds: float = SYNC_SECONDS,
    ) -> None:
        self.counts = Counts()
        self._root = root
        self._bounds = bounds
        self._full_sync = full_sync
        self._sync_seconds = sync_seconds
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._droppable = 0
        self._write_waiters: Waiters = []
        self._sync_waiters: Waiters = []
        self._room = 0

    @classmethod
    def open(cls, root: Path, settings: Settings | None = None) -> Self:
        """Prepare a spool under *root*, with the bounds and promises of *settings*; entering it makes the folder."""
        if settings is None:
            return cls(root)
        return cls(
            root,
            bounds=Bounds.of(settings),
            full_sync=settings.exposure_sync == "full",
            sync_seconds=settings.spool_sync_seconds,
        )

    def __enter__(self) -> Self:
        self.path, self._owner = folder.create(self._root)
        self._writer = SegmentWriter(self.path)
        self.look()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._room = -1  # whoever still appends is told that there is no room
        try:
            self._writer.close()
        finally:
            os.close(self._owner)
            folder.remove_dead(self.path)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self.__enter__()
        self._syncer = Syncer(self._loop, self._writer, self._sync_seconds, self._on_sync_error, self.look)
        self._syncer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()
        await asyncio.to_thread(self._syncer.stop)
        await asyncio.sleep(0)  # those who wait for the last sync are told
        self.__exit__(kind, error, trace)

    def append(self, kind: int, payload: bytes) -> bool:
        """Write *payload* at the end of this turn. False, and counted, when the spool is full: it is not logged."""
        framed = frame(kind, payload)
        if self._pending_bytes + len(framed) > self._room:
            self.counts.dropped += 1
            self._let_go()
            return False
        self._pend([framed])
        self._droppable += 1
        return True

    def append_batch(self, kind: int, payloads: Iterable[bytes]) -> None:
        """Write all of *payloads* at the end of this turn. Overloaded when the spool is full: none is written."""
        frames = [frame(kind, payload) for payload in payloads]
        try:
            self._require_room(frames)
        except Overloaded:
            self._let_go()
            raise
        self._pend(frames)

    def append_now(self, kind: int, payloads: Iterable[bytes]) -> None:
        """Write and sync before returning. Overloaded when the spool is full, Unavailable when the disk fails."""
        frames = [frame(kind, payload) for payload in payloads]
        self.look()
        self._require_room(frames)
        try:
            self._write(frames)
            self._writer.sync()
        except OSError as error:
            raise _not_taken(error) from error

    def written(self) -> Awaitable[bool]:
        """Wait until what was appended would survive a kill (under RECSYS_EXPOSURE_SYNC=full: a power cut).

        False when it could not be written: it is not in the log. Call it in the turn of the append, with no await
        between: it speaks for that turn.
        """
        if self._full_sync:
            return self._synced()
        waiter: Promise[bool] = Promise(loop=self._loop)
        if self._pending:
            self._write_waiters.append(waiter)
        else:
            waiter.set_result(True)
        return waiter

    async def synced(self) -> None:
        """Wait until what was appended would survive a power cut; called in the turn of the append, like `written`.

        Unavailable when that can not be said.
        """
        if not await self._synced():
            raise _not_taken(None)

    def look(self) -> None:
        """Measure how much may still be written; done once a second by the thread that syncs."""
        self._room = room(self._root, self._bounds)

    def _synced(self) -> Promise[bool]:
        waiter: Promise[bool] = Promise(loop=self._loop)
        if self._pending:
            self._sync_waiters.append(waiter)
        else:
            self._syncer.wait_for([waiter])
        return waiter

    def _pend(self, frames: list[bytes]) -> None:
        if not self._pending:
            self._loop.call_soon(self.flush)
        self._pending += frames
        self._pending_bytes += sum(map(len, frames))

    def _require_room(self, frames: list[bytes]) -> None:
        if self._pending_bytes + sum(map(len, frames)) > self._room:
            self.counts.refused += 1
            raise Overloaded("The event log of this host is full. Try again later.", retry_after=RETRY_AFTER_FULL)

    def _let_go(self) -> None:
        """Let a drain remove the open segment too: nothing more fits in, and nothing else would ever end it."""
        with suppress(OSError):  # the disk has no room for a file of eight bytes; the next refusal tries again
            self._writer.roll()
            self._syncer.wait_for([])  # its next sync closes the file, which gives the bytes back

    def flush(self) -> None:
        """Write what this turn has appended so far, and tell those who wait for it."""
        if not self._pending:
            return
        frames, self._pending, self._pending_bytes = self._pending, [], 0
        droppable, self._droppable = self._droppable, 0
        writing, self._write_waiters = self._write_waiters, []
        syncing, self._sync_waiters = self._sync_waiters, []
        try:
            self._write(frames)
        except OSError as error:
            self.counts.dropped += droppable
            _log.error("events can not be written", spool=str(self.path), error=str(error))
            resolve(writing + syncing, False)
        else:
            resolve(writing, True)
            self._syncer.wait_for(syncing)

    def _write(self, frames: list[bytes]) -> None:
        data = b"".join(frames)
        self._writer.write(data)
        self._room -= len(data)
        self.counts.records += len(frames)
        self.counts.written_bytes += len(data)

    def _on_sync_error(self, error: OSError) -> None:
        self.counts.failed_syncs += 1
        _log.error("events can not be synced; a new segment is begun", spool=str(self.path), error=str(error))


def _not_taken(error: OSError | None) -> Unavailable:
    reason = f" ({error.strerror})" if error else ""
    return Unavailable(f"The events could not be stored{reason}. Send them again.", retry_after=RETRY_AFTER_ERROR)
