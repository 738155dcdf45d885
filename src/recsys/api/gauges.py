"""Metrics that are looked up when somebody asks for them, not counted as they happen."""

from __future__ import annotations

from datetime import UTC, datetime

from recsys import metrics
from recsys.runtime import Serving


def observe(serving: Serving) -> None:
    """Bring the gauges up to date with what *serving* is now."""
    now = datetime.now(UTC)
    states = serving.snapshots.states()
    ages = ((now - state.snapshot.as_of).total_seconds() for state in states)
    stale = ((now - state.stale_since).total_seconds() for state in states if state.stale_since is not None)
    metrics.SNAPSHOTS.set(len(states))
    metrics.SNAPSHOT_AGE_SECONDS.set(max(ages, default=0.0))
    metrics.SNAPSHOT_STALE_SECONDS.set(max(stale, default=0.0))
    for what in serving.spool.counts.__slots__:
        metrics.SPOOL.labels(what).set(getattr(serving.spool.counts, what))
