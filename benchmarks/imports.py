"""How fast `recsys interactions import` is: rows a second into an embedded Postgres of its own, first and repeated.

    python benchmarks/imports.py [--json FILE] [--rows 300000]

The file is generated CSV: visitors, sessions, items, times in order, nothing refused. COPY alone into the staging
table is measured beside it, on the same server in the same run, because the machine's speed varies.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from measured.record import keep

from recsys.db.pool import Database
from recsys.db.queries import sql
from recsys.ingest.columns import Columns
from recsys.ingest.interaction_row import FIELDS, Reading
from recsys.ingest.interactions import import_interactions
from recsys.ingest.policy import window
from recsys.ingest.source import DataFile
from recsys.settings import Settings
from recsys.tenancy import tenants


def generate(path: Path, rows: int, now: datetime) -> None:
    """Write *rows* events of the last 30 days in order of time."""
    rng = random.Random(1)
    step = timedelta(days=30) / rows
    with path.open("w", encoding="utf-8") as file:
        file.write("user_id,item_id,event_type,occurred_at,surface,session_id\n")
        for row in range(rows):
            at = now - step * (rows - row)
            who = f"u{rng.randrange(rows // 10)},i{rng.randrange(20_000)}"
            file.write(f"{who},view,{at.isoformat()},home,s{row // 4}\n")


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds that passed and the seconds of CPU that this process spent."""
    began, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - used


def measure(rows: int, folder: Path) -> dict[str, Any]:
    """Import one file twice into a fresh database."""
    now = datetime.now(UTC)
    file = DataFile(folder / "events.csv", Columns(FIELDS))
    generate(file.path, rows, now)
    with Database.open(Settings(data_dir=folder / "data")) as database:
        with database.system() as conn:
            tenant_id = tenants.create(conn, "bench").id
        taken = window(database, now)
        reading = Reading(tenant_id=tenant_id, secret=b"bench", now=now, earliest=taken.earliest, latest=taken.latest)
        copied, _ = timed(lambda: _copy(database, rows))
        first, cpu = timed(lambda: import_interactions(database, file, reading))
        again, _ = timed(lambda: import_interactions(database, file, reading))
    return {
        "rows": rows,
        "first_rows_per_second": round(rows / first),
        "repeated_rows_per_second": round(rows / again),
        "copy_alone_rows_per_second": round(rows / copied),
        "cpu_microseconds_per_row": round(cpu / rows * 1e6, 1),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _copy(database: Database, rows: int) -> None:
    now = datetime.now(UTC)
    with database.system() as conn:
        conn.execute(sql("ingest.stage"))
        with conn.cursor().copy(sql("ingest.copy")) as copy:
            for row in range(rows):
                copy.write_row((str(row), now, row, "view", "i", None, b"k" * 32, "s", "home", None, None, None, None))


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--json", type=Path)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="recsys-bench-") as folder:
        figures = measure(said.rows, Path(folder))
    text = json.dumps(figures, indent=2)
    sys.stdout.write(text + "\n")
    if said.json:
        keep(said.json, "imports", figures)


if __name__ == "__main__":
    main()
