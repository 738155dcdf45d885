"""Lists against one SQL query over the daily tables per request, the way without snapshots: 300,000 popularity rows.

    python benchmarks/query.py [--json FILE] [--seconds 5] [--quick]

10,000 items with a row on each of 30 days in an embedded Postgres. `sum` adds up and decays every row for each
request; `rolled` reads the top of a table in which that has been done and indexed beforehand, which then is as old as
its last refresh. Both are asked by one client over one connection, prepared, and return ids and scores of 20 items:
no anchors, no rules, no log. `/v1/recommend` is asked for as much as in benchmarks/serving.py (10 anchors, 20 rules,
caps, an exposure each), by 16 connections of one client to one worker.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from measured.record import keep
from serving import REFERENCE, ask, requests, service, turn

from recsys.db.pool import Database
from recsys.settings import Settings

ITEMS, DAYS = 10_000, 30
FILL = """
    insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)
    select %(tenant)s, 'bench', 'item-' || n, current_date - day, 1 + (n * 7919 + day) %% 97
    from generate_series(1, %(items)s::int) as n, generate_series(0, %(days)s::int - 1) as day
"""
SUM = """
    select item_id, sum(score::float8 * power(2::float8, (day - current_date) / 7.0::float8)) as weight
    from item_popularity_daily
    where tenant_id = %(tenant)s and namespace = 'bench' and day > current_date - 30
    group by item_id
    order by weight desc, item_id
    limit 20
"""
ROLL = """
    create table rolled as
    select
        tenant_id, namespace, item_id,
        sum(score::float8 * power(2::float8, (day - current_date) / 7.0::float8)) as weight
    from item_popularity_daily
    group by tenant_id, namespace, item_id
"""
ROLLED = """
    select item_id, weight
    from rolled
    where tenant_id = %(tenant)s and namespace = 'bench'
    order by weight desc, item_id
    limit 20
"""


def rate(conn: psycopg.Connection, query: str, about: dict[str, Any], seconds: float) -> float:
    """Ask again and again; return queries a second."""
    conn.execute(query.encode(), about, prepare=True)
    began, asked = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        if len(conn.execute(query.encode(), about, prepare=True).fetchall()) != 20:  # noqa: PLR2004  the limit
            raise SystemExit("a query did not find its items")
        asked += 1
    return asked / (time.perf_counter() - began)


def queries(items: int, seconds: float) -> dict[str, float]:
    """Measure both ways with SQL."""
    about = {"tenant": uuid4(), "items": items, "days": DAYS}
    with (
        tempfile.TemporaryDirectory(prefix="rq-", ignore_cleanup_errors=True) as folder,
        Database.open(Settings(data_dir=Path(folder))) as database,
        database.owner() as conn,
    ):
        conn.execute(FILL.encode(), about)
        conn.execute(ROLL)
        conn.execute("create index on rolled (tenant_id, namespace, weight desc, item_id)")
        conn.execute("analyze item_popularity_daily, rolled")
        return {"sum": rate(conn, SUM, about, seconds), "rolled": rate(conn, ROLLED, about, seconds)}


def lists(items: int, seconds: float) -> float:
    """Measure the service on a catalogue of the same size."""
    case = REFERENCE._replace(items=items)
    asked = requests(case)
    with service(case) as running:
        for request in asked[: case.tenants]:
            ask(running.port, request)
        return asyncio.run(turn(running.port, running.worker, asked, 16, seconds)).rate


def main() -> None:
    """Print the figures, and write them as JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each way")
    parser.add_argument("--quick", action="store_true", help="1,000 items, half a second each")
    options = parser.parse_args()
    items, seconds = (1_000, 0.5) if options.quick else (ITEMS, options.seconds)
    rates = queries(items, seconds) | {"lists": lists(items, seconds)}
    found = {"popularity_rows": items * DAYS}
    found |= {f"{name}_per_second": round(value, 1) for name, value in rates.items()}
    found |= {f"lists_to_{name}": round(rates["lists"] / rates[name], 1) for name in ("sum", "rolled")}
    for name, value in found.items():
        print(f"{name:24} {value:12,}")
    if options.json:
        keep(options.json, "query", found, quick=options.quick)


if __name__ == "__main__":
    main()
