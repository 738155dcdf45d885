"""The short forms of the benchmarks that need a service: `scripts/bench all` runs them in full."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def measured(folder: Path, name: str, *options: str) -> dict[str, Any]:
    """Run a benchmark and return what it keeps."""
    kept = folder / "kept.json"
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), "--json", str(kept), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(kept.read_text())
    assert result["benchmark"] == name
    assert {"at", "commit", "machine", "versions"} <= set(result["run"])
    figures: dict[str, Any] = result["figures"]
    return figures


@pytest.mark.timeout(420)
def test_latency_is_measured_by_rate(tmp_path: Path) -> None:
    """Every rate has its row, from the lowest, with the requests that were answered and those that were not."""
    rows = measured(tmp_path, "latency", "--seconds", "1", "--rates", "40", "20")["rates"]
    assert [row["rate"] for row in rows] == [20, 40]
    assert all(0 < row["answered"] + row["errors"] <= row["rate"] + 1 for row in rows)


@pytest.mark.timeout(420)
def test_growth_is_measured_along_an_axis(tmp_path: Path) -> None:
    """Every value of the axis has its row, with what a request cost."""
    rows = measured(tmp_path, "growth", "anchors", "--quick", "--seconds", "0.5")["anchors"]
    assert [row["anchors"] for row in rows] == [1, 10]
    assert all(row["requests_per_second"] > 0 and row["cpu_us"] > 0 for row in rows)


@pytest.mark.timeout(420)
def test_clicks_are_followed_on_two_hosts(tmp_path: Path) -> None:
    """Each of two hosts follows every click."""
    figures = measured(tmp_path, "clicks", "--quick")
    assert [figures[host]["clicks"] for host in ("same_host", "other_host")] == [5, 5]


@pytest.mark.timeout(420)
def test_what_a_list_costs_is_measured_against_a_constant_body(tmp_path: Path) -> None:
    """Each kind of list has its rate, its CPU and its share of what the same server answers with a constant body."""
    figures = measured(tmp_path, "serving", "--quick")
    assert figures.pop("ratio") == figures["/v1/recommend"]["ratio"]
    assert {"with MMR", "with session-kNN", "without anchors"} < set(figures)
    assert all(one["requests_per_second"] > 0 and one["ratio"] > 0 for one in figures.values())


@pytest.mark.timeout(420)
def test_upserts_and_bulk_loads_are_followed(tmp_path: Path) -> None:
    """Rows of every table are served after an upsert of one and of several, and what a bulk load leaves is right."""
    figures = measured(tmp_path, "freshness", "--quick")
    assert [figures[size]["rounds"] for size in ("upsert_1", "upsert_10")] == [6, 6]
    assert all(figures[bulk]["lists"] > 0 for bulk in ("one_statement", "many_statements"))
    assert figures["sessions"]["rounds"] == 10
