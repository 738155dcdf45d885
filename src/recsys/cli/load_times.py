"""How long a service of this data folder took to load a tenant's namespaces, as its workers wrote it down."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from recsys.errors import InvalidConfig
from recsys.tenancy.config import DEFAULTS, Config, parse_config

METRIC = "recsys_signal_load_seconds"


def load_times(metrics_dir: Path, tenant: str) -> dict[str, float]:
    """Map the namespaces of a tenant (its external id) to seconds; empty where no service ran from this folder."""
    found: dict[str, float] = {}
    for folder in metrics_dir.glob("*/"):
        collector = MultiProcessCollector(CollectorRegistry(), str(folder))  # type: ignore[no-untyped-call]  # its own
        for family in collector.collect():  # type: ignore[no-untyped-call]  # the same
            for sample in family.samples if family.name == METRIC else ():
                if sample.labels["tenant"] == tenant:
                    namespace = sample.labels["namespace"]
                    found[namespace] = max(sample.value, found.get(namespace, 0.0))
    return found


def when_live(before: bytes | None, after: bytes, times: dict[str, float]) -> str:
    """Say when a config that replaces another is live: its signal parameters wait for snapshots made with them."""
    old, new = _config(before), _config(after)
    if old.signals_everywhere == new.signals_everywhere and old.namespaces == new.namespaces:
        return "every host follows within a second"
    waiting = {name: seconds for name, seconds in sorted(times.items()) if old.signals(name) != new.signals(name)}
    each = ", ".join(f"{name} in about {seconds:.1f} s" for name, seconds in waiting.items())
    how_long = each or "as long as a load of the namespace takes (recsys_snapshot_load_seconds)"
    return f"every host follows within a second; the signals that it asks for are made anew meanwhile: {how_long}"


def _config(document: bytes | None) -> Config:
    """Read a config as serving does: none, or one that was written around the checks, leaves the defaults in force."""
    try:
        return DEFAULTS if document is None else parse_config(document)
    except InvalidConfig:
        return DEFAULTS
