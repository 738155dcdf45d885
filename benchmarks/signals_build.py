"""How fast `recsys signals build` is: 10,000,000 synthetic interactions to both tables, again, and one day more.

    python benchmarks/signals_build.py [--events 10000000] [--one-day 300000] [--jobs 2] [--json FILE]

The interactions lie on 30 days of 100,000 items, four to a session. They are written to the database of DATABASE_URL
(else to an embedded one in a temporary folder; 10,000,000 need some 15 GB) and built; all days are built again, which
must write nothing; then one more day of 300,000 comes and is built. `--jobs` days are built at once, as many as the
command builds when it is not told.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from measured.database import own_or_given
from measured.record import keep

from recsys.datasets.synthetic import Size, make, rows
from recsys.db.pool import Database
from recsys.settings import Settings
from recsys.signals.build import Built, build, touch
from recsys.tenancy import tenants
from recsys.tenancy.config import DEFAULTS

TARGETS = {"build_s": 600.0, "pair_rows_per_s": 60_000, "one_day_s": 30.0}
_STAGE = """
    create temporary table incoming (
        event_id text, visitor text, session_id text, item_id text, event_type text, occurred_at timestamptz, seq bigint
    ) on commit drop
"""
_STORE = """
    insert into interaction_events
        (event_id, tenant_id, occurred_at, seq, user_key, session_id, surface, event_type, item_id)
    select event_id, %(tenant)s, occurred_at, seq, sha256(visitor::bytea), session_id, 'home', event_type, item_id
    from incoming
"""


def fill(database: Database, tenant: UUID, size: Size, until: datetime, seed: int) -> float:
    """Write *size* interactions, the last of them before *until*; return the seconds."""
    began, numbers = time.perf_counter(), count()
    for block in make(size, seed=seed, until=until):
        with database.system() as conn:
            for age in range(size.days):
                at = until - timedelta(days=age)
                conn.execute("select recsys_ensure_partitions('interaction_events', %s)", (at,))
            conn.execute(_STAGE)
            with conn.cursor().copy("copy incoming from stdin") as copy:
                for row in rows(block):
                    number, at = next(numbers), datetime.fromtimestamp(row["occurred_at"], UTC)
                    name = f"{seed}-{number}"
                    who = row["user_id"], f"{seed}-{row['session_id']}", row["item_id"], row["event_type"]
                    copy.write_row((name, *who, at, number))
            conn.execute(_STORE, {"tenant": tenant})
    return time.perf_counter() - began


def timed(database: Database, tenant: UUID, first: datetime, last: datetime, jobs: int) -> tuple[float, Built]:
    """Build the days from *first* to *last*, *jobs* at once; return the seconds and what was done."""
    touch(database, tenant, first.date(), last.date())
    began = time.perf_counter()
    built = build(database, tenant, DEFAULTS, jobs=jobs)
    return time.perf_counter() - began, built


def measure(database: Database, events: int, one_day: int, jobs: int) -> dict[str, Any]:
    """Fill, build, build again, add a day."""
    with database.system() as conn:
        tenant = tenants.create(conn, f"bench-{datetime.now(UTC):%H%M%S}").id
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday, end = midnight - timedelta(days=1), midnight - timedelta(microseconds=1)
    before = yesterday - timedelta(microseconds=1)
    found: dict[str, Any] = {"events": events, "jobs": jobs}
    found["fill_s"] = round(fill(database, tenant, Size(events), before, 1), 1)
    seconds, built = timed(database, tenant, before - timedelta(days=29), before, jobs)
    pairs = built.covisitation.written
    found |= {"days": built.days, "popularity_rows": built.popularity.written, "pair_rows": pairs}
    found |= {"build_s": round(seconds, 1), "pair_rows_per_s": round(pairs / seconds)}
    seconds, built = timed(database, tenant, before - timedelta(days=29), before, jobs)
    found |= {"again_s": round(seconds, 1), "again_written": built.popularity.written + built.covisitation.written}
    fill(database, tenant, Size(one_day, days=1), end, 2)
    seconds, built = timed(database, tenant, yesterday, end, jobs)
    return found | {"one_day_events": built.events, "one_day_s": round(seconds, 1)}


def main() -> None:
    """Print the figures, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--one-day", type=int, default=300_000, help="events of the day that comes later")
    parser.add_argument("--jobs", type=int, default=Settings().signals_jobs, help="days built at once")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    with (
        own_or_given() as chosen,
        Database.open(replace(chosen, db_pool_size=max(chosen.db_pool_size, options.jobs))) as database,
    ):
        with database.system() as conn:
            version = conn.execute("show server_version").fetchone()
        found = measure(database, options.events, options.one_day, options.jobs) | {"targets": TARGETS}
    print(json.dumps(found, indent=1))
    if options.json:
        keep(options.json, "signals_build", found, postgres=version and version[0])


if __name__ == "__main__":
    main()
