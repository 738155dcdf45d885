"""What loading a namespace costs: seconds and memory of a process of its own, by catalogue size.

    python benchmarks/snapshot_load.py [--items 1000000 --neighbors 20000000] [--json FILE]

Made of synthetic rows in the database of DATABASE_URL (else an embedded one in a temporary folder): every item has one
popularity row and tags, neighbour rows are spread over 30 days. The tenant it makes is emptied again at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from measured.record import keep
from psycopg import sql

from recsys.db.pool import Database
from recsys.identifiers import uuid7
from recsys.settings import Settings
from recsys.snapshot.load import load
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
def settings() -> Iterator[Settings]:
    """Take the database of the environment, or make one."""
    if os.environ.get("DATABASE_URL"):
        yield Settings.from_environment()
        return
    with tempfile.TemporaryDirectory(prefix="recsys-bench-", ignore_cleanup_errors=True) as folder:
        yield Settings(data_dir=Path(folder) / "data")


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


def main() -> None:
    """Fill, load in a fresh process, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--neighbors", type=int, default=2_000_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--load", nargs=2, metavar=("TENANT", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        tenant, folder = options.load
        with Database.open(Settings.from_environment(data_dir=Path(folder))) as database:
            print(json.dumps(measure(database, UUID(tenant))))
        return
    with settings() as chosen, Database.open(chosen) as database:
        with namespace(database, options.items, options.neighbors) as tenant:
            command = [sys.executable, __file__, "--load", str(tenant), str(chosen.data_dir)]
            figures = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)  # noqa: S603
        figures |= {"neighbor_rows": options.neighbors, "machine": platform.platform(), "cores": os.cpu_count()}
    for name, value in figures.items():
        print(f"{name:16} {value}")
    if options.json:
        keep(options.json, "snapshot_load", figures)


if __name__ == "__main__":
    main()
