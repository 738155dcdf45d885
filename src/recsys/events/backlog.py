"""What of the spools is not in the database yet, and the next batch of it."""

from __future__ import annotations

from typing import NamedTuple

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.events.folder import SegmentFile, SpoolFolder
from recsys.events.reader import Reading, read


class Position(NamedTuple):
    """How far a segment is in the database, and whether it has been long enough."""

    bytes: int = 0
    expired: bool = False


Positions = dict[tuple[str, str], Position]
_NOTHING = Position()


class Found(NamedTuple):
    """One segment's part of a batch."""

    spool: SpoolFolder
    reading: Reading


def load_positions(database: Database, spools: list[SpoolFolder], keep_seconds: float) -> Positions:
    """Ask anew in every pass: a database that was restored is behind, and what it lacks is replayed."""
    if not spools:
        return {}
    values = {"spools": [spool.id for spool in spools], "keep_seconds": keep_seconds}
    with database.system() as conn:
        rows = conn.execute(sql("events.positions"), values).fetchall()
    return {(spool_id, segment): Position(*rest) for spool_id, segment, *rest in rows}


def position_of(positions: Positions, spool: SpoolFolder, segment: SegmentFile) -> Position:
    """Return how far *segment* is; a segment without a row is at its beginning."""
    return positions.get((spool.id, segment.name), _NOTHING)


def unread(spools: list[SpoolFolder], positions: Positions) -> dict[SpoolFolder, list[SegmentFile]]:
    """List the segments of each spool that hold more than their position says; spools without any are left out."""
    waiting = {
        spool: [file for file in spool.segments if position_of(positions, spool, file).bytes < file.size]
        for spool in spools
    }
    return {spool: files for spool, files in waiting.items() if files}


def read_batch(spools: list[SpoolFolder], positions: Positions, limit: int) -> list[Found]:
    """Read at most *limit* records, the same share of every spool that has some, each in its order."""
    waiting = unread(spools, positions)
    found: list[Found] = []
    for spool, segments in waiting.items():
        share = max(1, limit // len(waiting))
        for segment in segments:
            reading = read(segment, position_of(positions, spool, segment).bytes, share)
            found.append(Found(spool, reading))
            share -= len(reading.frames)
            if share <= 0:
                break
    return found


def is_more(spools: list[SpoolFolder], positions: Positions, found: list[Found]) -> bool:
    """Whether *found* leaves something behind that can be read at once."""
    after = {(spool.id, reading.segment.name): Position(reading.position) for spool, reading in found}
    return any(part.reading.frames for part in found) and bool(unread(spools, positions | after))
