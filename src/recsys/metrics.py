"""What a service counts, for Prometheus. Names are a public contract; labels are few, none is a client's text.

Where PROMETHEUS_MULTIPROC_DIR is set when this is imported (`recsys serve` sets it), every process writes into files of
that folder, and whichever answers `/metrics` adds them up: what a killed worker counted stays counted.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from recsys.tally import Tally

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder in which the processes of a service count together."""
REGISTRY = CollectorRegistry()
TALLY = Tally()
"""Sums of what every request counts."""
CONTENT_TYPE = CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8")
"""The character set is added by who sends it, as to every text."""


def _gauge(name: str, documentation: str, mode: Any, labels: tuple[str, ...] = ()) -> Gauge:
    """Make a gauge; *mode* says how the values of several processes become one, `live`: of those that live."""
    return Gauge(name, documentation, labels, registry=REGISTRY, multiprocess_mode=mode)


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
SHORT_LISTS = Counter(
    "recsys_short_lists",
    "Lists with fewer items than were asked for, by the first reason that their warnings give.",
    ("endpoint", "reason"),
    registry=REGISTRY,
)
REFUSED = Counter(
    "recsys_refused_requests", "Requests refused or failed, by code of the problem.", ("code",), registry=REGISTRY
)
SNAPSHOT_LOADS = Counter(
    "recsys_snapshot_loads",
    "Loads of a namespace's signals; outcome is loaded or failed.",
    ("outcome",),
    registry=REGISTRY,
)
SNAPSHOT_LOAD_SECONDS = Histogram(
    "recsys_snapshot_load_seconds",
    "How long a load took.",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0),
    registry=REGISTRY,
)
SNAPSHOT_COMPARISONS = Counter(
    "recsys_snapshot_comparisons",
    "Snapshots in service that were compared with a full load; outcome is same or different (and then repaired).",
    ("outcome",),
    registry=REGISTRY,
)
SNAPSHOT_EVICTIONS = Counter(
    "recsys_snapshot_evictions",
    "Snapshots let go because RECSYS_SNAPSHOT_MEMORY was passed, or because too many namespaces without rows were met.",
    registry=REGISTRY,
)
SNAPSHOTS = _gauge("recsys_snapshots", "Snapshots that a process serves.", "livemax")
SNAPSHOT_BYTES = _gauge("recsys_snapshot_bytes", "Memory of all snapshots, arrays and ids, all processes.", "livesum")
SNAPSHOT_AGE_SECONDS = _gauge("recsys_snapshot_age_seconds", "Age of the oldest snapshot that is served.", "livemax")
SNAPSHOT_STALE_SECONDS = _gauge(
    "recsys_snapshot_stale_seconds", "Longest time that a snapshot is known to be behind the database.", "livemax"
)
CHANGES_SEEN_SECONDS = _gauge(
    "recsys_changes_seen_seconds",
    "Time since a process last read the log of changes: how old serving may be.",
    "livemax",
)
CHANGES_UNFOLLOWED = _gauge(
    "recsys_changes_unfollowed",
    "Whether the last look at the log of changes failed in some process, which then serves what is loaded: 1 or 0.",
    "livemax",
)
SIGNAL_AGE_SECONDS = _gauge(
    "recsys_signal_age_seconds", "Age of a namespace's snapshot.", "livemax", ("tenant", "namespace")
)
SIGNAL_ITEMS = _gauge("recsys_signal_items", "Items of a namespace's snapshot.", "livemax", ("tenant", "namespace"))
SIGNAL_LOAD_SECONDS = _gauge(
    "recsys_signal_load_seconds",
    "How long a load of a namespace took, the longest: what a change of its signal parameters will take.",
    "livemax",
    ("tenant", "namespace"),
)
DOCUMENT_VERSION = _gauge(
    "recsys_document_version",
    "Config and rules in force: the first 12 hexadecimal digits of the etag, as a number; 0 is none.",
    "livemax",
    ("tenant", "kind"),
)
POOL_CONNECTIONS = _gauge("recsys_db_pool_connections", "Connections to the database.", "livesum", ("state",))
SPOOL = _gauge("recsys_spool", "What the spools did since they were opened, by kind of event.", "sum", ("what",))
SPOOL_BYTES = _gauge("recsys_spool_bytes", "Bytes of this host's spools that are not in the database yet.", "livemax")
SPOOL_OLDEST_SECONDS = _gauge(
    "recsys_spool_oldest_seconds", "Since when the oldest event waits for the database.", "livemax"
)
SPOOL_ROOM_BYTES = _gauge(
    # The least of all processes would be the 0 of those that never look: the keeper alone does.
    "recsys_spool_room_bytes",
    "What the spools of this host may still take.",
    "livemostrecent",
)
DRAINED = Counter(
    "recsys_drained_records", "Records taken from spools, by what became of them.", ("outcome",), registry=REGISTRY
)
DEAD_LETTERS = _gauge("recsys_dead_letters", "Records that the database refused and nobody has replayed.", "livemax")
PARTITION_RUNWAY_SECONDS = _gauge(
    "recsys_partition_runway_seconds", "How long every insert will find its partition.", "livemin", ("table",)
)
PARTITIONS_MISSING = _gauge(
    "recsys_partitions_missing", "Partitions that the policy wants ahead and that are not there.", "livemax", ("table",)
)

# Finding a child of a metric costs more than counting with it.
recommendations = cache(RECOMMENDATIONS.labels)
recommendation_seconds = cache(RECOMMENDATION_SECONDS.labels)
http_requests = cache(HTTP_REQUESTS.labels)
warnings = cache(WARNINGS.labels)
interactions = cache(INTERACTIONS.labels)
short_lists = cache(SHORT_LISTS.labels)
refused = cache(REFUSED.labels)


def exposition() -> bytes:
    """Write every metric of the service, or of this process where it counts alone, in the text format of Prometheus."""
    TALLY.write()
    folder = os.environ.get(SHARED_FOLDER)
    if folder is None:
        return generate_latest(REGISTRY)
    _forget_gauges_of_the_dead(Path(folder))
    together = CollectorRegistry()
    MultiProcessCollector(together, folder)  # type: ignore[no-untyped-call]  # as the library has it
    return generate_latest(together)


def share_folder(parent: Path) -> Path:
    """Make the folder in which the processes of this service count together; those of dead services go."""
    parent.mkdir(parents=True, exist_ok=True)
    for folder in parent.iterdir():
        if folder.name.isdecimal() and not _lives(int(folder.name)):
            shutil.rmtree(folder, ignore_errors=True)
    mine = parent / str(os.getpid())
    shutil.rmtree(mine, ignore_errors=True)
    mine.mkdir()
    return mine


def _forget_gauges_of_the_dead(folder: Path) -> None:
    for pid in {path.stem.rpartition("_")[2] for path in folder.glob("gauge_live*.db")}:
        if not _lives(int(pid)):
            mark_process_dead(int(pid), str(folder))  # type: ignore[no-untyped-call]  # as the library has it


def _lives(pid: int) -> bool:
    with suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True
