"""What many small tenants take on one worker: memory, and what a budget that is too small for them costs.

    python benchmarks/tenants.py [--tenants 1000] [--items 1000] [--neighbors 10000] [--json FILE] [--quick]

Rows as in benchmarks/snapshot_load.py, the same for every tenant, in an embedded database of a temporary folder. First
every tenant is loaded within the default budget and every array read once; then, in a process of its own, with a
quarter of the memory that took, tenants are asked for at random by eight threads. An error ends the run.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

from measured.record import keep
from snapshot_load import COVISITATION, POPULARITY, TAGS, read_all, resident_mib

from recsys.db.pool import Database
from recsys.settings import Settings
from recsys.snapshot.shelf import Shelf
from recsys.snapshot.snapshots import UNBOUNDED, Snapshots
from recsys.tenancy.config import SignalParams

TARGET_MIB = 1536.0
REQUESTS_EACH = 10
THREADS = 8
PARAMS = SignalParams()


def tenant_of(number: int) -> UUID:
    """Name a tenant that exists in no other table."""
    return UUID(int=number + 1)


def seed(database: Database, tenants: int, items: int, neighbors: int) -> None:
    """Write the rows of every tenant."""
    each = max(neighbors // items, 1)
    for number in range(tenants):
        about = {"tenant": tenant_of(number), "items": items, "first": 1, "last": each}
        with database.system() as conn:
            for statement in (POPULARITY, TAGS, COVISITATION):
                conn.execute(statement, about)


def load_all(database: Database, shelf: Shelf, tenants: int) -> dict[str, Any]:
    """Load every tenant, and read every byte of it."""
    snapshots, before, took = Snapshots(database, shelf), resident_mib(), []
    for number in range(tenants):
        began = time.perf_counter()
        snapshot = snapshots.load_once(tenant_of(number), "bench", PARAMS)
        took.append((time.perf_counter() - began) * 1000)
        read_all(snapshot)
    return {
        "resident_mib": resident_mib(),
        "resident_mib_before": before,
        "counted_mib": round(snapshots.bytes / 2**20, 1),
        "load_ms_median": round(statistics.median(took), 1),
        "load_ms_largest": round(max(took), 1),
    }


def ask_at_random(database: Database, shelf: Shelf, tenants: int, budget: int) -> dict[str, Any]:
    """Ask for tenants at random with *budget* bytes of memory."""
    snapshots, rng, waited = Snapshots(database, shelf, memory=budget), random.Random(1), []

    def ask(number: int) -> None:
        if snapshots.current(tenant_of(number), "bench", PARAMS) is None:
            began = time.perf_counter()
            snapshots.load_once(tenant_of(number), "bench", PARAMS)
            waited.append((time.perf_counter() - began) * 1000)

    asked = [rng.randrange(tenants) for _ in range(REQUESTS_EACH * tenants)]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(ask, asked))
    return {
        "budget_mib": round(budget / 2**20, 1),
        "requests": len(asked),
        "not_in_memory": len(waited),
        "errors": 0,
        "mapped_again_ms_median": round(statistics.median(waited), 2),
        "mapped_again_ms_p99": round(statistics.quantiles(waited, n=100)[98], 2),
        "counted_mib": round(snapshots.bytes / 2**20, 1),
        "resident_mib": resident_mib(),
    }


def measure(tenants: int, items: int, neighbors: int) -> dict[str, Any]:
    """Fill a database and measure both, each in a fresh process."""
    with tempfile.TemporaryDirectory(prefix="recsys-bench-", ignore_cleanup_errors=True) as folder:
        settings = Settings(data_dir=Path(folder) / "data")
        with Database.open(settings) as database:
            seed(database, tenants, items, neighbors)
            all_of_them = _apart(settings, tenants, UNBOUNDED)
            tight = _apart(settings, tenants, int(all_of_them["counted_mib"] * 2**20 / 4))
    return {
        "tenants": tenants,
        "items_each": items,
        "neighbor_rows_each": neighbors,
        "all": all_of_them,
        "a_quarter": tight,
        "target_mib": TARGET_MIB,
        "reached": all_of_them["resident_mib"] <= TARGET_MIB,
    }


def _apart(settings: Settings, tenants: int, budget: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--within", str(budget), "--tenants", str(tenants), str(settings.data_dir)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603  this file
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tenants", type=int, default=1000)
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--neighbors", type=int, default=10_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--within", type=int, help=argparse.SUPPRESS)
    parser.add_argument("folder", type=Path, nargs="?", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.within is not None:
        shelf = Shelf(options.folder / "snapshots", UNBOUNDED)
        with Database.open(Settings(data_dir=options.folder)) as database:
            if options.within == UNBOUNDED:
                print(json.dumps(load_all(database, shelf, options.tenants)))
            else:
                print(json.dumps(ask_at_random(database, shelf, options.tenants, options.within)))
        return
    size = (20, 100, 1000) if options.quick else (options.tenants, options.items, options.neighbors)
    figures = measure(*size)
    print(json.dumps(figures, indent=2))
    if options.json:
        keep(options.json, "tenants", figures, quick=options.quick)


if __name__ == "__main__":
    main()
