"""`recsys signals build` killed with SIGKILL at a random moment, again and again: what it ends with is what it must be.

    python benchmarks/signals_killed.py [--rounds 20] [--events 30000] [--json FILE]

Synthetic interactions of seven days are built once, undisturbed. Then, each round, the tables are emptied, a build is
started as a command of its own and killed while it works, and another one finishes. Both tables must then be equal to
the undisturbed ones, row by row, with nothing left to build. Exits with 3 when one round does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from measured.record import keep
from signals_build import fill

from recsys.datasets.synthetic import Size
from recsys.db.pool import Database
from recsys.settings import Settings
from recsys.signals.build import build, touch
from recsys.tenancy import tenants
from recsys.tenancy.config import DEFAULTS

DAYS = 7
TENANT = "killed"
_PATIENCE = 120.0
_ROWS = """
    select 'popularity', item_id, '', day, score, built from item_popularity_daily
    union all
    select 'covisitation', item_id, neighbor_id, day, score, built from item_covisit_daily
    order by 1, 2, 3, 4
"""
_WAITING = "select count(distinct day) from signal_days_touched"


class Shop:
    """A tenant with a week of interactions."""

    def __init__(self, database: Database, folder: Path, events: int) -> None:
        with database.system() as conn:
            self.tenant_id: UUID = tenants.create(conn, TENANT).id
        self._database = database
        own = {name: value for name, value in os.environ.items() if not name.endswith("DATABASE_URL")}
        self._environment = own | {"RECSYS_DATA_DIR": str(folder)}
        self._last = datetime.now(UTC) - timedelta(days=1)
        size = Size(events, items=500, visitors=events // 10, days=DAYS)
        fill(database, self.tenant_id, size, self._last, seed=3)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Read rows."""
        with self._database.system() as conn:
            return conn.execute(query.encode()).fetchall()

    def waiting(self) -> int:
        """Count the days that wait to be built."""
        return int(self.ask(_WAITING)[0][0])

    def forget(self) -> None:
        """Empty both tables and let every day wait to be built."""
        with self._database.system() as conn:
            conn.execute("delete from item_popularity_daily")
            conn.execute("delete from item_covisit_daily")
        touch(self._database, self.tenant_id, (self._last - timedelta(days=DAYS + 1)).date(), self._last.date())

    def finish(self) -> list[tuple[Any, ...]]:
        """Build what waits, in this process; return all rows of both tables."""
        build(self._database, self.tenant_id, DEFAULTS)
        return self.ask(_ROWS)

    def start(self) -> subprocess.Popen[bytes]:
        """Start a build as a command."""
        command = [sys.executable, "-m", "recsys", "signals", "build", "--tenant", TENANT]
        return subprocess.Popen(  # noqa: S603  our own command
            command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition, at most two minutes."""
    end = time.monotonic() + _PATIENCE
    while not holds() and time.monotonic() < end:
        time.sleep(0.002)


def kill_one(shop: Shop, chance: random.Random) -> int:
    """Kill a build when it has done a random number of days and a random moment more; return how many days waited."""
    shop.forget()
    days = shop.waiting()
    stop_at = chance.randint(1, days - 1)
    with shop.start() as process:
        until(lambda: process.poll() is not None or shop.waiting() <= stop_at)
        time.sleep(chance.uniform(0, 0.05))
        process.kill()
    return shop.waiting()


def measure(database: Database, folder: Path, rounds: int, events: int) -> dict[str, Any]:
    """Build undisturbed, then kill and finish so many times."""
    shop, chance = Shop(database, folder, events), random.Random(5)
    shop.forget()
    wanted = shop.finish()
    left: Counter[int] = Counter()
    held = 0
    for _ in range(rounds):
        left[kill_one(shop, chance)] += 1
        held += shop.finish() == wanted and shop.waiting() == 0
    return {
        "rounds": rounds,
        "held": held,
        "rows": len(wanted),
        "killed_with_days_left": {str(days): left[days] for days in sorted(left)},
    }


def main() -> int:
    """Print the figures, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--events", type=int, default=30_000)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="recsys-bench-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch) / "data"
        settings = Settings(data_dir=folder)
        with Database.open(settings) as database:
            found = measure(database, folder, options.rounds, options.events)
    print(json.dumps(found, indent=1))
    if options.json:
        keep(options.json, "signals_killed", found)
    return 0 if found["held"] == found["rounds"] and found["rows"] else 3


if __name__ == "__main__":
    sys.exit(main())
