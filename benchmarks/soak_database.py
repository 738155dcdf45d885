"""The database under load and kills, for minutes: partitions, migrations, locks, on every Postgres that is here.

    python benchmarks/soak_database.py [--load-seconds 60] [--kills 50] [--lock-seconds 30] [--bin FOLDER ...]

Runs the tests named below in their long form and writes the figures that they record to
benchmarks/results/soak_database_pgN.json, one file for each version of Postgres. A failed test fails the run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
SYSTEM = [Path(f"/usr/lib/postgresql/{major}/bin") for major in range(15, 19)]

LOAD = "test_no_insert_fails_while_partitions_come_and_go"
LOCK = "test_a_busy_table_is_not_blocked_by_a_migration_that_waits_for_it"
KILL = "test_killed_at_a_random_moment"
TESTS = [
    f"tests/integration/maintenance/test_under_load.py::{LOAD}",
    f"tests/migration/test_migrate.py::{LOCK}",
    f"tests/migration/test_migrate.py::{KILL}",
]


def run(options: argparse.Namespace, folder: Path | None) -> tuple[dict[str, Any], bool]:
    """Run the long forms on one Postgres (None: the one of the wheel); answer the figures, and whether all held."""
    environment = os.environ | {
        "RECSYS_TEST_LOAD_SECONDS": str(options.load_seconds),
        "RECSYS_TEST_LOCK_SECONDS": str(options.lock_seconds),
        "RECSYS_TEST_KILLS": str(options.kills),
    }
    if folder is not None:
        environment["RECSYS_TEST_POSTGRES_BIN"] = str(folder)
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        command = [sys.executable, "-m", "pytest", *TESTS, "--junitxml", str(report), "-o", "junit_family=xunit1"]
        limit = ["--timeout", str(int(options.load_seconds + options.lock_seconds) * 3 + 120)]
        done = subprocess.run(  # noqa: S603  our own tests
            [*command, *limit], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False
        )
        sys.stderr.write(done.stdout)
        cases = list(_cases(report))
    version = re.search(r"ran on PostgreSQL (\S+)", done.stdout)
    return _figures(cases) | {"postgres": version and version[1]}, done.returncode == 0


def _cases(report: Path) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    """Read of each test its name, whether it held, and what it recorded."""
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  our own file
        figures = {str(each.get("name")): _number(str(each.get("value"))) for each in case.iter("property")}
        yield str(case.get("name")), case.find("failure") is None and case.find("error") is None, figures


def _number(text: str) -> float | str:
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        return text


def _figures(cases: list[tuple[str, bool, dict[str, Any]]]) -> dict[str, Any]:
    kills = [(held, figures) for name, held, figures in cases if name.startswith(KILL)]
    [load] = [{"held": held, **figures} for name, held, figures in cases if name == LOAD]
    [lock] = [{"held": held, **figures} for name, held, figures in cases if name == LOCK]
    applied = Counter(figures.get("applied_when_killed", "?") for _, figures in kills)
    return {
        "inserts_over_month_ends": load,
        "up_beside_a_lock": lock,
        "migrations_killed": {
            "kills": len(kills),
            "held": sum(held for held, _ in kills),
            "found_interrupted": sum(figures.get("interrupted_when_killed", 0) for _, figures in kills),
            "by_migrations_applied_when_killed": {str(count): applied[count] for count in sorted(applied, key=str)},
        },
    }


def _about() -> dict[str, Any]:
    ask = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(ask, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  constants
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "made_by": "scripts/soak database",
        "at": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": commit.stdout.strip() or None,
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {pages / 2**30:.0f} GiB, shared with other work",
    }


def main() -> int:
    """Run on every Postgres, write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--load-seconds", type=float, default=60)
    parser.add_argument("--lock-seconds", type=float, default=30)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--bin", type=Path, action="append", help="A folder with postgres in it, instead of all.")
    options = parser.parse_args()
    folders = options.bin or [None, *(folder for folder in SYSTEM if (folder / "initdb").exists())]
    every_held = True
    for folder in folders:
        figures, held = run(options, folder)
        every_held &= held
        text = json.dumps(_about() | figures, indent=2)
        print(text)
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"soak_database_pg{str(figures['postgres']).split('.')[0]}.json").write_text(text + "\n")
    return 0 if every_held else 1


if __name__ == "__main__":
    sys.exit(main())
