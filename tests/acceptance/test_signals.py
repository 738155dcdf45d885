"""The short forms of the benchmarks of `recsys signals build`, on a database of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(name: str, *options: str, kept: Path) -> dict[str, Any]:
    """Run a benchmark to its end; return the figures that it kept."""
    own = {name: value for name, value in os.environ.items() if not name.endswith("DATABASE_URL")}
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *options, "--json", str(kept)]
    done = subprocess.run(command, env=own, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figures: dict[str, Any] = json.loads(kept.read_text())["figures"]
    return figures


def test_a_killed_build_is_finished_by_the_next(tmp_path: Path) -> None:
    """Three builds killed with SIGKILL while they work, each finished: both tables are those of an undisturbed one."""
    found = run("signals_killed", "--rounds", "3", "--events", "4000", kept=tmp_path / "killed.json")
    assert found["held"] == 3
    assert found["rows"] > 1000


def test_a_second_build_writes_nothing_and_one_more_day_only_itself(tmp_path: Path) -> None:
    """All days built again write no row; a day that comes later is built from its own events."""
    found = run("signals_build", "--events", "3000", "--one-day", "200", kept=tmp_path / "build.json")
    assert found["pair_rows"] > 1000
    assert found["again_written"] == 0
    assert found["one_day_events"] == 200
