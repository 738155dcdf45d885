"""Carries what lies in the spools of this host into Postgres, again and again, without ever doubling a row.

Positions only save work: every record carries its identity and the insert ignores what is there, so a crash
between any two steps, a replayed segment or a second drain changes nothing.
"""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from typing import NamedTuple

import psycopg
import structlog

from recsys import metrics
from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.errors import RecsysError
from recsys.events.backlog import Found, Positions, is_more, load_positions, position_of, read_batch
from recsys.events.dead_letters import bury
from recsys.events.folder import SegmentFile, SpoolFolder, list_spools, remove_dead, set_aside
from recsys.events.landing import Landed, Spooled, land, with_partitions
from recsys.events.room import DEFAULT_BOUNDS, Bounds, room
from recsys.settings import Settings

BATCH_RECORDS = 5000
BATCH_SECONDS = 0.2
KEEP_SECONDS = 3600.0
DEADLINE_SECONDS = 20.0
"""How long the last drain may take; what is left then is drained by whoever comes next."""
BACKOFF_SECONDS = (0.2, 3.0)
"""The first pause and the longest, which is short: one attempt disturbs nobody, and a database that is back is used."""
_KEPT_SHARE = 8
"""Drained segments are given up early when less than this part of the bound is left."""

_ENVIRONMENT = (RecsysError, psycopg.Error, OSError)
"""What is wrong around the records and not with them."""

_log = structlog.get_logger()


class DrainPolicy(NamedTuple):
    """How much at once, and how long drained segments are kept."""

    batch_records: int = BATCH_RECORDS
    keep_seconds: float = KEEP_SECONDS
    bounds: Bounds = DEFAULT_BOUNDS
    deadline_seconds: float = DEADLINE_SECONDS

    @classmethod
    def of(cls, settings: Settings) -> DrainPolicy:
        """Take them from the settings."""
        return cls(keep_seconds=settings.spool_keep_seconds, bounds=Bounds.of(settings))


DEFAULT_POLICY = DrainPolicy()


class Drained(NamedTuple):
    """What one pass did."""

    records: int = 0
    """Read from segments."""
    exposures: int = 0
    """Rows that are new in exposure_events."""
    interactions: int = 0
    """Rows that are new in interaction_events."""
    dead_letters: int = 0
    torn_bytes: int = 0
    damaged_bytes: int = 0
    removed: int = 0
    """Segments unlinked."""
    foreign: int = 0
    """Segments that only a newer version can read."""
    more: bool = False
    """Whether something is left that the next pass can read at once."""


def drain_once(database: Database, root: Path, policy: DrainPolicy = DEFAULT_POLICY) -> Drained:
    """Carry one batch from the spools under *root* into the database, in one transaction, and remove what is done.

    Raises what the environment raises (DatabaseUnavailable, psycopg.Error, OSError): nothing is lost by that, the
    next pass begins where this one did.
    """
    spools = list_spools(root)
    positions = load_positions(database, spools, policy.keep_seconds)
    found = read_batch(spools, positions, policy.batch_records)
    _report(root, found)
    landed = _land(database, found)
    return Drained(
        records=sum(len(part.reading.frames) for part in found),
        exposures=landed.exposures,
        interactions=landed.interactions,
        dead_letters=len(landed.dead),
        torn_bytes=sum(part.reading.torn_bytes for part in found),
        damaged_bytes=sum(part.reading.damaged_bytes for part in found),
        removed=_remove_done(database, spools, positions, hurry=_is_tight(root, policy.bounds)),
        foreign=sum(part.reading.foreign for part in found),
        more=is_more(spools, positions, found),
    )


def _report(root: Path, found: list[Found]) -> None:
    """Say what is not as it should be, and keep damaged segments before anything is recorded about them."""
    for spool, reading in found:
        if reading.damaged_bytes:
            kept = set_aside(root, spool.id, reading.segment.path)
            _log.error("segment is damaged, sound records were saved", kept=str(kept), bytes=reading.damaged_bytes)
        if reading.torn_bytes:
            _log.warning(
                "an interrupted write was cut off", segment=str(reading.segment.path), bytes=reading.torn_bytes
            )


def _land(database: Database, found: list[Found]) -> Landed:
    """Insert the batch and record the positions, both or neither."""
    batch = [Spooled(frame.kind, frame.payload, spool.id) for spool, reading in found for frame in reading.frames]

    def attempt(conn: psycopg.Connection) -> Landed:
        landed = land(conn, batch)
        bury(conn, landed.dead)
        for spool, reading in found:
            names = {"spool_id": spool.id, "segment": reading.segment.name}
            conn.execute(sql("events.advance"), {**names, "position": reading.position})
        return landed

    if not found:
        return Landed(0, 0, [])
    landed = with_partitions(database, attempt)
    for letter in landed.dead:
        _log.error("record set aside in dead_letters", reason=letter.reason, sqlstate=letter.sqlstate)
    return landed


def _is_tight(root: Path, bounds: Bounds) -> bool:
    return root.exists() and room(root, bounds) < bounds.max_bytes // _KEPT_SHARE


def _remove_done(database: Database, spools: list[SpoolFolder], positions: Positions, *, hurry: bool) -> int:
    """Unlink segments that are in the database for long enough (at once in a *hurry*), and dead spools without any."""
    removed = 0
    for spool in spools:
        for segment in spool.segments:
            position = position_of(positions, spool, segment)
            if segment.closed and position.bytes >= segment.size and (position.expired or hurry or not segment.size):
                _remove(database, spool, segment)
                removed += 1
        if not spool.live:
            remove_dead(spool.path)
    return removed


def _remove(database: Database, spool: SpoolFolder, segment: SegmentFile) -> None:
    """Forget the position first: a file without one is drained again, a position without a file would stay for ever."""
    with database.system() as conn:
        conn.execute(sql("events.forget"), {"spool_id": spool.id, "segment": segment.name})
    segment.path.unlink(missing_ok=True)


def run_drain(database: Database, root: Path, stop: threading.Event, policy: DrainPolicy = DEFAULT_POLICY) -> None:
    """Drain until *stop* is set, then what is left, within the policy's deadline. Meant for a process of its own.

    While the database is away it waits, longer every time and never in step with other hosts.
    """
    failures = foreign = 0
    while not stop.is_set():
        try:
            drained = drain_once(database, root, policy)
        except _ENVIRONMENT as error:
            failures += 1
            pause = _backoff(failures)
            _log.warning("events wait in the spool", error=str(error), retry_in=round(pause, 2))
        else:
            failures = 0
            _count(drained)
            pause = 0.0 if drained.more else BATCH_SECONDS
            if drained.foreign > foreign:
                _log.error("segments of a newer version wait for an upgrade", segments=drained.foreign)
            foreign = drained.foreign
        stop.wait(pause)
    _finish(database, root, policy)


def _count(drained: Drained) -> None:
    for outcome in ("exposures", "interactions", "dead_letters"):
        metrics.DRAINED.labels(outcome).inc(getattr(drained, outcome))


def _backoff(failures: int) -> float:
    first, longest = BACKOFF_SECONDS
    pause: float = min(longest, first * 2.0 ** min(failures, 10))
    return pause * random.uniform(0.5, 1.0)  # noqa: S311  spreads hosts over time, no secret


def _finish(database: Database, root: Path, policy: DrainPolicy) -> None:
    deadline = time.monotonic() + policy.deadline_seconds
    try:
        while drain_once(database, root, policy).more and time.monotonic() < deadline:
            pass
    except _ENVIRONMENT as error:
        _log.warning("events stay in the spool for the next start", error=str(error))
