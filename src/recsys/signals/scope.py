"""One day of one namespace, as the queries of the builders name it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import psycopg

from recsys.db.queries import sql
from recsys.signals.feeds import feed_of
from recsys.signals.window import reach
from recsys.tenancy.config import Config


@dataclass(frozen=True, slots=True)
class Written:
    """What a builder did to its table."""

    written: int = 0
    """Rows that are new or have another score."""
    removed: int = 0
    """Rows whose events are gone."""

    def __add__(self, other: Written) -> Written:
        return Written(self.written + other.written, self.removed + other.removed)


@dataclass(frozen=True, slots=True)
class CutOff:
    """What was left out because no person does so much on one day."""

    visits: int = 0
    """Visitors and sessions, each day anew."""
    events: int = 0

    def __add__(self, other: CutOff) -> CutOff:
        return CutOff(self.visits + other.visits, self.events + other.events)


class Scope:
    """Runs queries on one day of one namespace, inside one transaction."""

    def __init__(self, conn: psycopg.Connection, tenant_id: UUID, config: Config, namespace: str, day: date) -> None:
        params, feed = config.signals(namespace), feed_of(config, namespace)
        self._conn = conn
        self._parameters = {
            "tenant_id": tenant_id,
            "namespace": namespace,
            "day": day,
            "reach": reach(params),
            "surfaces": feed.surfaces,
            "unnamed": feed.unnamed,
            "event_types": list(params.event_weights),
            "event_weights": list(params.event_weights.values()),
            "session_gap_minutes": params.session_gap_minutes,
            "session_length": params.session_length,
            "apart": list(range(1, params.pair_window + 1)),
            "bot_events": params.bot_events_per_day,
        }

    def run(self, query: str, **more: object) -> int:
        """Run a query of signals.sql, with *more* parameters; return how many rows it wrote."""
        return self._conn.execute(sql(f"signals.{query}"), self._parameters | more).rowcount

    def replace(self, signal: str, *compared: str) -> Written:
        """Make the day's rows of *signal* those of its new ones; *compared* are queries only a comparison needs."""
        if not self.row(f"holds_{signal}")[0]:
            with suppress(psycopg.errors.UniqueViolation), self._conn.transaction():  # somebody seeds this very day
                return Written(self.run(f"fill_{signal}"))
        for query in compared:
            self.run(query)
        return Written(removed=self.run(f"remove_{signal}"), written=self.run(f"write_{signal}"))

    def row(self, query: str) -> tuple[Any, ...]:
        """Run a query of signals.sql that returns one row."""
        row = self._conn.execute(sql(f"signals.{query}"), self._parameters).fetchone()
        assert row is not None  # noqa: S101  an aggregate always returns one
        return row
