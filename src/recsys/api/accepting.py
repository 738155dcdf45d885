"""How old an event may be: the operator's policy, followed without asking the database for every batch."""

from __future__ import annotations

import time

from recsys.api.loads import Loads
from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.errors import OperatorError, TryLater

FRESH_SECONDS = 60.0
PATIENCE_SECONDS = 0.5
DEFAULT_DAYS = 400
UNBOUNDED_DAYS = 36_500


class AcceptDays:
    """The `accept_days` of `interaction_events`, at most a minute old; the last known while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looks = Loads("policy", threads=1, limit=1)
        self._days = DEFAULT_DAYS
        self._asked_at = -FRESH_SECONDS

    async def days(self) -> int:
        """Return how many days back an event may lie."""
        if time.monotonic() - self._asked_at > FRESH_SECONDS:
            self._asked_at = time.monotonic()
            try:
                self._days = await self._looks.load("accept_days", self._read, patience=PATIENCE_SECONDS)
            except (TryLater, OperatorError):
                return self._days
        return self._days

    def _read(self) -> int:
        with self._database.system() as conn:
            row = conn.execute(sql("ingest.policy")).fetchone()
        return UNBOUNDED_DAYS if row is None or row[0] is None else int(row[0])

    def close(self) -> None:
        """Ask no more."""
        self._looks.close()
