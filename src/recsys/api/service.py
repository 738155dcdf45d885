"""What handlers work with: the open parts of a worker, and the threads in which it may block."""

from __future__ import annotations

from dataclasses import dataclass, field

from recsys.api.accepting import AcceptDays
from recsys.api.base_lists import BaseLists
from recsys.api.health import Health
from recsys.api.loads import Loads
from recsys.db.breaker import Breaker
from recsys.runtime import Serving
from recsys.settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """One worker's parts. Blocking work has a room each, so that slow writes do not hold up what serving waits for."""

    serving: Serving
    tenants: Loads
    """Tenants that are not in memory yet."""
    snapshots: Loads
    """Snapshots that are not in memory yet; one may take minutes, and nothing else waits for it."""
    histories: Loads
    """A visitor's recent interactions; no queue: a list is served without them rather than late."""
    writes: Loads
    """What clients write to and read from the database directly."""
    admin: Loads
    """What people who run the service read and write: it goes on when the clients' rooms are full."""
    accepting: AcceptDays
    health: Health
    history_breaker: Breaker = field(default_factory=Breaker)
    base_lists: BaseLists = field(default_factory=BaseLists)

    @classmethod
    def over(cls, serving: Serving) -> Service:
        """Make the rooms for the blocking work of *serving*."""
        size = serving.settings.db_pool_size
        return cls(
            serving,
            tenants=Loads("tenant", threads=2, limit=256),
            snapshots=Loads("snapshot", threads=4, limit=256),
            histories=Loads("history", threads=size, limit=size),
            writes=Loads("write", threads=size, limit=64),
            admin=Loads("admin", threads=4, limit=64),
            accepting=AcceptDays(serving.database),
            health=Health(serving),
        )

    @property
    def settings(self) -> Settings:
        """What the environment says."""
        return self.serving.settings

    def close(self) -> None:
        """Begin no more blocking work."""
        loads = (self.tenants, self.snapshots, self.histories, self.writes, self.admin)
        for room in (*loads, self.accepting, self.health):
            room.close()
