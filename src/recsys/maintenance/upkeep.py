"""One pass of upkeep over the logs: partitions are made ahead, those that are over go, read changes are forgotten."""

from __future__ import annotations

from typing import NamedTuple

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.errors import RecsysError
from recsys.maintenance.partitions import ensure_ahead
from recsys.maintenance.retirement import Archive, retire_once


class Upkeep(NamedTuple):
    """What a pass did: names of partitions, and in sentences what it could not do."""

    made: list[str]
    dropped: list[str]
    problems: list[str]


def upkeep_once(database: Database, archive: Archive | None = None) -> Upkeep:
    """Make what is missing, then retire what is over; what stops the one does not stop the other."""
    problems: list[str] = []
    made: list[str] = []
    dropped: list[str] = []
    try:
        made = ensure_ahead(database)
    except RecsysError as error:
        problems.append(error.message)
    try:
        dropped = retire_once(database, archive=archive)
        with database.system() as conn:
            conn.execute(sql("changes.forget"))
    except RecsysError as error:
        problems.append(error.message)
    return Upkeep(made, dropped, problems)
