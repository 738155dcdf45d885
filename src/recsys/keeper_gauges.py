"""What a host has of spools and partitions, measured by its keeper for `/metrics`."""

from __future__ import annotations

from datetime import UTC, datetime

from recsys import metrics
from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.diagnosis.backlog import look
from recsys.maintenance.partitions import plan, read_partitions, read_policies
from recsys.settings import Settings

EVERY_SECONDS = 5.0


def observe(database: Database, settings: Settings) -> None:
    """Bring the gauges up to date; what can be said without a database is said first."""
    now = datetime.now(UTC)
    backlog = look(settings, database)
    if backlog is not None:
        metrics.SPOOL_ROOM_BYTES.set(backlog.room_bytes)
        metrics.SPOOL_OLDEST_SECONDS.set(0 if backlog.oldest is None else (now - backlog.oldest).total_seconds())
        if backlog.waiting_bytes is not None:
            metrics.SPOOL_BYTES.set(backlog.waiting_bytes)
    with database.system() as conn:
        (letters,) = conn.execute(sql("diagnosis.dead_letters")).fetchone() or (0,)
        metrics.DEAD_LETTERS.set(letters)
        for policy in read_policies(conn):
            planned = plan(policy, read_partitions(conn, policy.parent_table), now)
            metrics.PARTITION_RUNWAY_SECONDS.labels(policy.parent_table).set(planned.runway.total_seconds())
            metrics.PARTITIONS_MISSING.labels(policy.parent_table).set(len(planned.make))
