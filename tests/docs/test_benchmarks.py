"""docs/benchmarks.md says what was measured, and what was not."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from xml.dom.minidom import parseString

import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture(autouse=True)
def beside_the_benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test import what the benchmarks share."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_the_page_is_made_of_the_results() -> None:
    """The page and its plots are what `scripts/bench report` makes of benchmarks/results."""
    command = [sys.executable, str(BENCHMARKS / "report.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_a_target_without_a_result_says_so() -> None:
    """Nothing is left out of the first table: without a result, or with one that lacks the figure, a row says that."""
    page = import_module("measured.page").page
    targets = import_module("measured.targets").TARGETS

    lacking = {"benchmark": "latency", "run": {"at": "2026-01-01", "machine": "this one"}, "figures": {"rates": []}}
    rows = [line for line in page({"latency": lacking}).splitlines() if line.startswith("| ") and "scripts/" in line]
    assert len(rows) == len(targets)
    assert all("| no result |" in row for row in rows)


def test_a_result_is_judged_by_its_target() -> None:
    """A figure that is good enough is reached, one that is not is missed; the run is named and its rows are shown."""
    page = import_module("measured.page").page

    def latency(p99: float) -> str:
        row = {"rate": 1000.0, "answered": 500, "errors": 0, "p50_ms": 1.0, "p90_ms": 2.0, "p99_ms": p99}
        run = {"at": "2026-01-01T00:00:00", "machine": "this one", "commit": "abc1234"}
        return page({"latency": {"benchmark": "latency", "run": run, "figures": {"rates": [row]}}})

    good, bad = latency(9.5), latency(10.5)
    assert "| p99 9.5 ms, p50 1.0 ms, 0 errors of 500 requests | reached |" in good
    assert "| **missed** | `scripts/bench latency` | [2026-01-01](#latency), abc1234 |" in bad
    assert "| 1,000 | 500 | 0 | 1 | 2 | 9.5 |" in good
    assert "![latency](benchmarks/latency.svg)" in good


def test_plots_are_drawings() -> None:
    """A chart is XML with a point for every value of every line, within its frame."""
    plots = import_module("measured.plots")

    lines = [plots.Series("x", [1, 2, 700]), plots.Series("y", [0, 0, 3])]
    points = parseString(plots.chart("a < b", ["1", "10", "100"], "us", lines)).getElementsByTagName("circle")  # noqa: S318  our own
    assert len(points) == 6
    assert all(0 < float(each.getAttribute(side)) < 640 for each in points for side in ("cx", "cy"))


def test_everything_that_is_planned_is_there() -> None:
    """`scripts/bench all` names scripts that exist, and each target has a script."""
    plans, targets = import_module("all").PLANS, import_module("measured.targets").TARGETS

    scripts = {path.stem for path in BENCHMARKS.glob("*.py")}
    assert set(plans) <= scripts
    assert {target.benchmark for target in targets} <= scripts


def test_ranking_is_drawn_along_each_axis() -> None:
    """What was measured of an axis, and the case itself, becomes the rows of a table and a plot of them."""
    growth, plots = import_module("ranking").growth, import_module("measured.page").plots

    took = {"median_us": 90.0, "p99_us": 120.0}
    tables = growth({"the case": took, "anchors 0": took, "anchors 50": took, "rules 0": took, "items 1000": took})
    assert [row["anchors"] for row in tables["anchors"]] == [0, 10, 50]
    assert [row["items"] for row in tables["items"]] == [1_000, 100_000]
    assert set(plots({"ranking": {"figures": tables}})) == {f"ranking-{axis}.svg" for axis in tables}
