"""How far back an import may go, and how long what it stores is kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.events.interaction import AHEAD


class Window(NamedTuple):
    """The times that are taken: both ends included."""

    earliest: datetime
    latest: datetime
    remedy: str
    """What to say to a row that is older."""
    kept_since: datetime | None
    """Upkeep takes away what is older; None for never."""


def window(database: Database, now: datetime, since: datetime | None = None) -> Window:
    """Read the policy of `interaction_events`; *since* goes further back than it would, or less far."""
    with database.system() as conn:
        accept_days, retain_days = conn.execute(sql("ingest.policy")).fetchone() or (None, None)
    kept_since = None if retain_days is None else now - timedelta(days=retain_days)
    if since is not None:
        return Window(since, now + AHEAD, ", where --since begins", kept_since)
    if accept_days is None:
        return Window(datetime.min.replace(tzinfo=now.tzinfo), now + AHEAD, "", kept_since)
    remedy = f", and only {accept_days} days are accepted: say --since to load history"
    return Window(now - timedelta(days=accept_days), now + AHEAD, remedy, kept_since)
