"""Records by the number, and what of them is in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from recsys.db.pool import Database
from recsys.events.drain import DrainPolicy, drain_once
from recsys.events.exposure import Exposure
from recsys.events.interaction import Interaction
from recsys.events.records import encode
from recsys.events.room import Bounds
from recsys.events.spool import Spool
from recsys.identifiers import uuid7

TENANT = UUID("0190a0b0-0000-7000-8000-000000000001")


def interaction(number: int, **changes: Any) -> bytes:
    """Encode an interaction whose event id and item id are its number."""
    now = datetime.now(UTC).replace(microsecond=0)
    record = Interaction(
        **{
            "event_id": f"e{number}",
            "tenant_id": TENANT,
            "occurred_at": now - timedelta(hours=1),
            "received_at": now,
            "seq": number,
            "event_type": "click",
            "item_id": f"i{number}",
            "surface": "home",
            **changes,
        }
    )
    return encode(record)


def exposure(number: int, **changes: Any) -> bytes:
    """Encode an exposure whose request id is its number."""
    record = Exposure(
        **{
            "id": uuid7(),
            "tenant_id": TENANT,
            "occurred_at": datetime.now(UTC),
            "request_id": f"r{number}",
            "surface": "home",
            "segment": "default",
            "algo_version": "1",
            "item_ids": ("a", "b"),
            "scores": (0.75, 0.5),
            **changes,
        }
    )
    return encode(record)


class Desk:
    """A spool folder and a database, with the verbs of the tests."""

    def __init__(self, database: Database, root: Path, operator: psycopg.Connection) -> None:
        self.database = database
        self.root = root
        self.operator = operator
        self.policy = DrainPolicy(bounds=Bounds(max_bytes=2**30, min_free_bytes=0))

    interaction = staticmethod(interaction)
    exposure = staticmethod(exposure)

    def spool(self, kind: int, payloads: list[bytes]) -> None:
        """Write records into a spool whose process then ends."""
        with Spool(self.root, bounds=self.policy.bounds) as spool:
            spool.append_now(kind, payloads)

    def drain(self, **changes: Any) -> list[Any]:
        """Drain until nothing is left and return what every pass did."""
        policy = self.policy._replace(**changes)
        passes = [drain_once(self.database, self.root, policy)]
        while passes[-1].more:
            passes.append(drain_once(self.database, self.root, policy))
        return passes

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask as a superuser, whom nothing is hidden from."""
        return self.operator.execute(query.encode()).fetchall()

    def event_ids(self) -> list[str]:
        """List the ids in interaction_events, each as often as it is there."""
        return [event_id for (event_id,) in self.rows("select event_id from interaction_events order by seq")]


@pytest.fixture
def desk(database: Database, operator: psycopg.Connection, tmp_path: Path) -> Desk:
    """A spool folder beside this test's database."""
    return Desk(database, tmp_path / "spool", operator)
