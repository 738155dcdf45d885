"""What waits in the spools of this host."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from recsys.db.pool import Database
from recsys.errors import OperatorError
from recsys.events.backlog import Positions, load_positions, position_of, unread
from recsys.events.folder import SpoolFolder, list_damaged, list_spools
from recsys.events.room import Bounds, room
from recsys.settings import Settings


class Backlog(NamedTuple):
    """The spools of this host."""

    waiting_bytes: int | None
    """What is not in the database yet; None where the database could not say."""
    oldest: datetime | None
    """When the oldest segment that waits was last written."""
    room_bytes: int
    damaged: int


def look(settings: Settings, database: Database | None) -> Backlog | None:
    """Look into the spools; None where there are none. Without a database nobody knows how much of them waits."""
    root = settings.spool_dir
    if not root.exists():
        return None
    spools = list_spools(root)
    positions = _positions(settings, database, spools)
    known = positions or {}
    waiting = [(spool, file) for spool, files in unread(spools, known).items() for file in files]
    left = sum(file.size - position_of(known, spool, file).bytes for spool, file in waiting)
    written = [datetime.fromtimestamp(file.path.stat().st_mtime, UTC) for _, file in waiting if file.path.exists()]
    return Backlog(
        waiting_bytes=None if positions is None else left,
        oldest=min(written, default=None),
        room_bytes=room(root, Bounds.of(settings)),
        damaged=len(list_damaged(root)),
    )


def _positions(settings: Settings, database: Database | None, spools: list[SpoolFolder]) -> Positions | None:
    if database is None:
        return None
    try:
        return load_positions(database, spools, settings.spool_keep_seconds)
    except OperatorError:
        return None
