"""What `recsys doctor` takes on a healthy surface: with a service's snapshots on the host's disk, and without.

    python benchmarks/doctor.py [--items 100000] [--neighbors 2000000] [--rounds 7] [--json FILE] [--quick]

Rows as in benchmarks/snapshot_load.py, in an embedded database of a temporary folder. `diagnosis` is what the answer
says of itself, in milliseconds: every fact gathered and every check made; `command` is the whole process, from the
shell's point of view.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measured.record import keep
from snapshot_load import COVISITATION, POPULARITY, STEP, TAGS

from recsys.db.pool import Database
from recsys.settings import Settings, environment
from recsys.snapshot.shelf import shelf_of
from recsys.snapshot.snapshots import Snapshots
from recsys.tenancy import tenants
from recsys.tenancy.config import DEFAULTS

RECSYS = str(Path(sys.executable).with_name("recsys"))


def seed(database: Database, items: int, neighbors: int) -> Any:
    """Make a tenant whose surface `bench` reads a namespace of that many rows; return its id."""
    with database.system() as conn:
        tenant = tenants.create(conn, "shop").id
    for statement in (POPULARITY, TAGS):
        with database.system() as conn:
            conn.execute(statement, {"tenant": tenant, "items": items})
    each = neighbors // items
    for first in range(1, each + 1, STEP):
        last = min(first + STEP - 1, each)
        with database.system() as conn:
            conn.execute(COVISITATION, {"tenant": tenant, "items": items, "first": first, "last": last})
    return tenant


def ask(settings: Settings, rounds: int) -> dict[str, float]:
    """Run the command so often; medians in milliseconds."""
    command = [RECSYS, "doctor", "--tenant", "shop", "--surface", "bench", "--json"]
    inside, outside = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        done = subprocess.run(  # noqa: S603  our own command
            command, env=os.environ | environment(data_dir=settings.data_dir), capture_output=True, check=False
        )
        outside.append((time.perf_counter() - began) * 1000)
        if done.returncode:
            raise SystemExit(done.stderr.decode() + done.stdout.decode()[-2000:])
        inside.append(json.loads(done.stdout)["milliseconds"])
    return {"diagnosis_ms": round(statistics.median(inside), 1), "command_ms": round(statistics.median(outside), 1)}


def measure(settings: Settings, items: int, neighbors: int, rounds: int) -> dict[str, Any]:
    """Ask before any service ran on this host, and after one has loaded the namespace."""
    with Database.open(settings) as database:
        tenant = seed(database, items, neighbors)
        without = ask(settings, min(rounds, 3))
        snapshots = Snapshots(database, shelf_of(settings))
        for namespace in ("bench", "default"):
            snapshots.load_once(tenant, namespace, DEFAULTS.signals(namespace))
        return {"without_a_service": without, "beside_a_service": ask(settings, rounds)}


def main() -> None:
    """Print the figures, and keep them where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--neighbors", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="a small catalogue, once")
    options = parser.parse_args()
    size = (2_000, 20_000, 1) if options.quick else (options.items, options.neighbors, options.rounds)
    with tempfile.TemporaryDirectory(prefix="recsys-bench-", ignore_cleanup_errors=True) as folder:
        figures = measure(Settings(data_dir=Path(folder) / "data"), *size)
    for name, value in figures.items():
        print(f"{name:20} {value['diagnosis_ms']:9.1f} ms the diagnosis {value['command_ms']:9.1f} ms the command")
    if options.json:
        keep(options.json, "doctor", figures | {"items": size[0], "neighbor_rows": size[1]}, quick=options.quick)


if __name__ == "__main__":
    main()
