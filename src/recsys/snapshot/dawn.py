"""When a snapshot of yesterday makes way for one of today (pure).

Ages count in days of UTC, so at midnight every score moves, and every namespace must be loaded. They take turns: until
its turn comes a namespace serves as of yesterday, where all its scores are older by the same day.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zlib import crc32

from recsys.snapshot.snapshot import Key, Snapshot

SPREAD = timedelta(minutes=10)
"""After midnight, all namespaces have had their turn so much later."""


def over(snapshot: Snapshot, now: datetime) -> bool:
    """Say whether the day of *snapshot* is over for it: midnight has passed, and its turn has come."""
    was, today = snapshot.as_of.astimezone(UTC), now.astimezone(UTC)
    midnight = today.replace(hour=0, minute=0, second=0, microsecond=0)
    return was.date() < today.date() and today >= midnight + SPREAD * _turn(snapshot)


class Dawn:
    """Notices, once a day, each namespace whose turn has come."""

    def __init__(self) -> None:
        self._noticed: dict[Key, datetime] = {}

    def turns(self, serving: Iterable[Snapshot], now: datetime) -> list[Key]:
        """Return the keys of those of *serving* whose day is over and that were not returned before."""
        noticed = {one.key: one.as_of for one in serving if over(one, now)}
        new = [key for key, as_of in noticed.items() if self._noticed.get(key) != as_of]
        self._noticed = noticed
        return new


def _turn(snapshot: Snapshot) -> float:
    """Place a namespace in 0..1, the same on every process and host, so that they agree."""
    return crc32(f"{snapshot.tenant_id}/{snapshot.namespace}".encode()) / 2**32
