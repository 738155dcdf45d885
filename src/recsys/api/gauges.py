"""Metrics that are looked up once a second, not counted as they happen."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

from recsys import metrics
from recsys.api.health import seconds_since_a_look
from recsys.runtime import Serving
from recsys.snapshot.refresh import State

EVERY_SECONDS = 1.0
LABELLED_MAX = 200
"""Namespaces, and documents, with time series of their own; those that a worker serves first."""


@contextmanager
def observed(serving: Serving) -> Iterator[None]:
    """Bring this worker's gauges up to date every second, until the block ends."""
    loop, gauges = asyncio.get_running_loop(), Gauges(serving)
    timers: list[asyncio.TimerHandle] = []

    def again() -> None:
        gauges.observe()
        timers[:] = [loop.call_later(EVERY_SECONDS, again)]

    again()
    try:
        yield
    finally:
        timers[0].cancel()


class Gauges:
    """One worker's gauges. A time series that was begun is kept up for good, so few are begun."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._named: dict[str, set[tuple[UUID, str]]] = {"signals": set(), "documents": set()}

    def observe(self) -> None:
        """Bring them up to date."""
        serving, now = self._serving, datetime.now(UTC)
        states = serving.snapshots.states()
        self._observe_snapshots(states, now)
        self._observe_signals(states, now)
        self._observe_documents()
        for what in serving.spool.counts.__slots__:
            metrics.SPOOL.labels(what).set(getattr(serving.spool.counts, what))
        for kind, count in serving.database.connections().items():
            metrics.POOL_CONNECTIONS.labels(kind).set(count)

    def _observe_snapshots(self, states: list[State], now: datetime) -> None:
        ages = ((now - state.snapshot.as_of).total_seconds() for state in states)
        stale = ((now - state.stale_since).total_seconds() for state in states if state.stale_since is not None)
        metrics.SNAPSHOTS.set(len(states))
        metrics.SNAPSHOT_BYTES.set(self._serving.snapshots.bytes)
        metrics.SNAPSHOT_AGE_SECONDS.set(max(ages, default=0.0))
        metrics.SNAPSHOT_STALE_SECONDS.set(max(stale, default=0.0))
        metrics.CHANGES_UNFOLLOWED.set(self._serving.follower.failure is not None)
        if (since := seconds_since_a_look(self._serving.follower, now)) is not None:
            metrics.CHANGES_SEEN_SECONDS.set(since)

    def _observe_signals(self, states: list[State], now: datetime) -> None:
        names = {view.tenant.id: view.tenant.external_id for view in self._serving.directory.views()}
        for state in states:
            snapshot = state.snapshot
            if self._is_named("signals", snapshot.key):
                labels = names.get(snapshot.tenant_id, str(snapshot.tenant_id)), snapshot.namespace
                metrics.SIGNAL_AGE_SECONDS.labels(*labels).set((now - snapshot.as_of).total_seconds())
                metrics.SIGNAL_ITEMS.labels(*labels).set(len(snapshot.items))
                metrics.SIGNAL_LOAD_SECONDS.labels(*labels).set(state.load_seconds)

    def _observe_documents(self) -> None:
        for view in self._serving.directory.views():
            for kind, etag in (("config", view.config_etag), ("rules", view.rules_etag)):
                if self._is_named("documents", (view.tenant.id, kind)):
                    metrics.DOCUMENT_VERSION.labels(view.tenant.external_id, kind).set(int((etag or "0")[:12], 16))

    def _is_named(self, what: str, labels: tuple[UUID, str]) -> bool:
        """Tell whether these labels have a time series, which the first of them have."""
        named = self._named[what]
        if labels not in named and len(named) < LABELLED_MAX:
            named.add(labels)
        return labels in named
