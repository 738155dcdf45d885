"""What loading a namespace costs: seconds and memory of a process of its own, by catalogue size.

    python benchmarks/snapshot_load.py [--items 1000000 --neighbors 20000000] [--json FILE]

Made of synthetic rows in the database of DATABASE_URL (else an embedded one in a temporary folder): every item has one
popularity row and tags, neighbour rows are spread over 30 days. The tenant it makes is emptied again at the end.

Then one and two processes serve it from one file, and read every byte of it: what they hold together (PSS), what the
second one adds, and what it would add without the snapshot; and how long a process takes that finds the file there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from measured.database import own_or_given
from measured.record import keep
from psycopg import sql

from recsys.db.pool import Database
from recsys.identifiers import uuid7
from recsys.settings import Settings
from recsys.snapshot.load import load
from recsys.snapshot.shelf import Shelf
from recsys.snapshot.snapshots import UNBOUNDED, Snapshots
from recsys.snapshot.vocabulary import Vocabulary
from recsys.tenancy.config import SignalParams

POPULARITY = """
    insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)
    select %(tenant)s, 'bench', 'item-' || lpad(n::text, 8, '0'), current_date - (n %% 30)::int, 1 + n %% 97
    from generate_series(0, %(items)s::bigint - 1) as n
"""
TAGS = """
    insert into item_tags (tenant_id, namespace, item_id, tags)
    select %(tenant)s, 'bench', 'item-' || lpad(n::text, 8, '0'),
        array['category:' || n %% 50, 'brand:' || n %% 997, 'color:' || n %% 12]
    from generate_series(0, %(items)s::bigint - 1) as n
"""
COVISITATION = """
    insert into item_covisit_daily (tenant_id, namespace, item_id, neighbor_id, day, score)
    select %(tenant)s, 'bench', 'item-' || lpad(n::text, 8, '0'),
        'item-' || lpad(((n + 1 + (k * k * 7919 + n * 31) %% (%(items)s - 1)) %% %(items)s)::text, 8, '0'),
        current_date - (k %% 30)::int, 1 + (n * k) %% 7
    from generate_series(0, %(items)s::bigint - 1) as n, generate_series(%(first)s::bigint, %(last)s) as k
    on conflict do nothing
"""
STEP = 2
"""Neighbours of all items written in one statement."""


@contextmanager
def namespace(database: Database, items: int, neighbors: int) -> Iterator[UUID]:
    """Fill a namespace of a tenant that exists in no other table, and empty it again."""
    tenant = uuid7()
    try:
        for statement in (POPULARITY, TAGS):
            with database.system() as conn:
                conn.execute(statement, {"tenant": tenant, "items": items})
        each = neighbors // items
        for first in range(1, each + 1, STEP):
            with database.system() as conn:
                conn.execute(
                    COVISITATION,
                    {"tenant": tenant, "items": items, "first": first, "last": min(first + STEP - 1, each)},
                )
        yield tenant
    finally:
        for table in ("item_popularity_daily", "item_tags", "item_covisit_daily"):
            with database.system() as conn:
                conn.execute(sql.SQL("delete from {} where tenant_id = %s").format(sql.Identifier(table)), (tenant,))


def measure(database: Database, tenant: UUID) -> dict[str, Any]:
    """Load once in this process."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, cpu = time.perf_counter(), time.process_time()
    with database.reading() as conn:
        snapshot = load(conn, tenant, "bench", SignalParams(), now=datetime.now(UTC))
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "peak_mib_before": before // 1024,
        "items": len(snapshot.items),
        "neighbors_kept": len(snapshot.neighbors.indices),
        "version": snapshot.version,
    }


def read_all(value: object) -> None:
    """Touch every array of a snapshot."""
    if isinstance(value, np.ndarray):
        value.sum()
    elif is_dataclass(value):
        for field in fields(value):
            read_all(getattr(value, field.name))
    elif isinstance(value, Vocabulary):
        for array in value.words():
            array.sum()
    elif isinstance(value, tuple):
        for one in value:
            read_all(one)


def resident_mib() -> float:
    """Return what this process holds in memory, shared pages included."""
    return memory_mib(os.getpid(), "Rss")


def memory_mib(pid: int, what: str) -> float:
    """Read one figure of a process's memory; `Pss` counts a page that n processes share as an nth of it."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:")) / 1024, 1)


def serve(database: Database, tenant: UUID, name: str, folder: Path) -> None:
    """Hold a snapshot until standard input ends; say when it is there, and after how many seconds."""
    shelf, started = Shelf(folder / "snapshots", UNBOUNDED), time.perf_counter()
    snapshot = Snapshots(database, shelf).load_once(tenant, name, SignalParams())
    seconds = time.perf_counter() - started
    read_all(snapshot)
    print(round(seconds, 3), flush=True)
    sys.stdin.read()


def together(command: list[str], count: int) -> tuple[float, float]:
    """Let *count* processes serve at once; return the MiB they hold together, and the seconds the last took to load."""
    with ExitStack() as stack:
        processes = []
        for _ in range(count):
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603  this file
            stack.enter_context(process)
            seconds = float(process.stdout.readline() if process.stdout else "nan")
            processes.append(process)
        return round(sum(memory_mib(process.pid, "Pss") for process in processes), 1), seconds


def shared(tenant: UUID, folder: Path) -> dict[str, Any]:
    """Measure one and two processes that serve the same file."""
    command = [sys.executable, __file__, "--serve", str(tenant), str(folder)]
    loaded = together([*command, "bench"], 1)[1]
    (one, mapped), (two, _) = (together([*command, "bench"], count) for count in (1, 2))
    (one_without, _), (two_without, _) = (together([*command, "nothing"], count) for count in (1, 2))
    return {
        "loaded_beside_seconds": loaded,
        "mapped_seconds": mapped,
        "file_mib": round(sum(path.stat().st_size for path in folder.glob("snapshots/*/*.snapshot")) / 2**20, 1),
        "one_process_mib": one,
        "two_processes_mib": two,
        "a_second_adds_mib": round(two - one, 1),
        "a_second_without_snapshot_adds_mib": round(two_without - one_without, 1),
    }


def main() -> None:
    """Fill, load in a fresh process, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--neighbors", type=int, default=2_000_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--load", nargs=2, metavar=("TENANT", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--serve", nargs=3, metavar=("TENANT", "FOLDER", "NAMESPACE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        tenant, folder, name = options.serve
        with Database.open(Settings.from_environment(data_dir=Path(folder))) as database:
            serve(database, UUID(tenant), name, Path(folder))
        return
    if options.load:
        tenant, folder = options.load
        with Database.open(Settings.from_environment(data_dir=Path(folder))) as database:
            print(json.dumps(measure(database, UUID(tenant))))
        return
    with own_or_given() as chosen, Database.open(chosen) as database:
        with namespace(database, options.items, options.neighbors) as tenant:
            command = [sys.executable, __file__, "--load", str(tenant), str(chosen.data_dir)]
            figures = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)  # noqa: S603
            figures |= shared(tenant, chosen.data_dir)
        figures |= {"neighbor_rows": options.neighbors, "machine": platform.platform(), "cores": os.cpu_count()}
    for name, value in figures.items():
        print(f"{name:36} {value}")
    if options.json:
        keep(options.json, "snapshot_load", figures)


if __name__ == "__main__":
    main()
