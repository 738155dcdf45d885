"""What a process counts, for Prometheus. Names are a public contract; labels are few, none is a client's text."""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

REGISTRY = CollectorRegistry()
CONTENT_TYPE = CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8")
"""The character set is added by who sends it, as to every text."""

_SECONDS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

RECOMMENDATIONS = Counter(
    "recsys_recommendation_requests",
    "Lists asked for; outcome is success, refused (4xx) or error (5xx); empty says whether the list was.",
    ("endpoint", "outcome", "empty"),
    registry=REGISTRY,
)
RECOMMENDATION_SECONDS = Histogram(
    "recsys_recommendation_latency_seconds",
    "From the request's arrival to its answer.",
    ("endpoint", "outcome"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
HTTP_REQUESTS = Counter(
    "recsys_http_requests", "Requests by route and status.", ("endpoint", "status"), registry=REGISTRY
)
WARNINGS = Counter("recsys_warnings", "Warnings in answers, by code.", ("code",), registry=REGISTRY)
EXPOSURES_NOT_LOGGED = Counter(
    "recsys_exposures_not_logged",
    "Lists that were served although their exposure could not be kept.",
    registry=REGISTRY,
)
INTERACTIONS = Counter("recsys_interactions", "Events that clients sent.", ("outcome",), registry=REGISTRY)
LOOP_LAG_SECONDS = Histogram(
    "recsys_event_loop_lag_seconds",
    "How much later than asked for the event loop came back, twenty times a second: what blocks it delays everybody.",
    buckets=_SECONDS,
    registry=REGISTRY,
)
SNAPSHOTS = Gauge("recsys_snapshots", "Snapshots that this process serves.", registry=REGISTRY)
SNAPSHOT_AGE_SECONDS = Gauge(
    "recsys_snapshot_age_seconds", "Age of the oldest snapshot that this process serves.", registry=REGISTRY
)
SNAPSHOT_STALE_SECONDS = Gauge(
    "recsys_snapshot_stale_seconds",
    "Longest time that a snapshot is known to be behind the database.",
    registry=REGISTRY,
)
SPOOL = Gauge(
    "recsys_spool", "What this process's spool did since it was opened, by kind of event.", ("what",), registry=REGISTRY
)

# Finding a child of a metric costs more than counting with it.
recommendations = cache(RECOMMENDATIONS.labels)
recommendation_seconds = cache(RECOMMENDATION_SECONDS.labels)
http_requests = cache(HTTP_REQUESTS.labels)
warnings = cache(WARNINGS.labels)
interactions = cache(INTERACTIONS.labels)


def exposition() -> bytes:
    """Write every metric of this process in the text format of Prometheus."""
    return generate_latest(REGISTRY)
