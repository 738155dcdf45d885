"""docs/benchmarks.md and its plots, made of the results (pure but for reading them)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from measured.plots import Series, chart
from measured.targets import TARGETS, Target

Results = Mapping[str, Mapping[str, Any]]
"""Results by the name of their benchmark."""

HEAD = """# What was measured

Each row of the first table is a target, the figure of the last run that is kept, and whether it was reached.
`scripts/bench` lists the scripts, `scripts/bench NAME` runs one, `scripts/bench all` runs them in turn and keeps what
they find under `benchmarks/results/`, `scripts/soak durability` does the same for the runs that kill and count, and
`scripts/bench report` makes this page. How good the lists are is another matter: [ranking](why/ranking.md).

Figures of a small machine differ from run to run; ratios within one run differ least. The load average says how busy
the machine was when a run ended: well above 1 means that something else ran beside it. The date leads to the machine,
the versions and every other figure of the run.

<!-- What follows is made by scripts/bench report from benchmarks/results/*.json; a test compares them. -->
"""
_MARKS = {True: "reached", False: "**missed**", None: "smaller run"}
_ROWS_MAX = 160
"""Figures of one benchmark that are listed; the JSON holds all."""
PLOTS = "benchmarks"


def load(folder: Path) -> dict[str, Any]:
    """Read every result in *folder* that has the shape of `record.keep`."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(result, dict) and "benchmark" in result:
            found[path.stem] = result
    return found


def plots(results: Results) -> dict[str, str]:
    """Draw what grows, and latency by rate; by file name."""
    drawn = {}
    growth = results.get("growth", {}).get("figures", {})
    for axis, rows in growth.items():
        labels = [f"{row[axis]:,}" for row in rows]
        cpu = Series("CPU of a request", [row["cpu_us"] for row in rows])
        drawn[f"growth-{axis}.svg"] = chart(f"CPU of a request by {axis}", labels, "us", [cpu])
    for axis in ("anchors", "rules", "items"):
        if rows := results.get("ranking", {}).get("figures", {}).get(axis):
            median = Series("median of ranking alone", [row["median_us"] for row in rows])
            drawn[f"ranking-{axis}.svg"] = chart(
                f"Ranking by {axis}", [f"{row[axis]:,}" for row in rows], "us", [median]
            )
    rates = [row for row in results.get("latency", {}).get("figures", {}).get("rates", []) if row["p99_ms"]]
    if rates:
        labels = [f"{row['rate']:,.0f}/s" for row in rates]
        lines = [Series(name, [row[f"{name}_ms"] for row in rates]) for name in ("p50", "p90", "p99")]
        drawn["latency.svg"] = chart("Open-loop latency by requests a second", labels, "ms", lines)
    return drawn


def page(results: Results) -> str:
    """Write the page."""
    drawn = [f"![{name.removesuffix('.svg').replace('-', ' by ')}]({PLOTS}/{name})" for name in plots(results)]
    lines = [HEAD, *_targets(results), "", *drawn]
    for name, result in results.items():
        lines += ["", f"## {name}", "", _about(result), "", *_figures(result["figures"])]
    return "\n".join(lines) + "\n"


def _targets(results: Results) -> Iterator[str]:
    yield "| what | must reach | measured | | script | when |"
    yield "|---|---|---|---|---|---|"
    for target in TARGETS:
        measured, mark, when = _cells(target, results.get(target.benchmark))
        yield f"| {target.what} | {target.must} | {measured} | {mark} | `{_script(target.benchmark)}` | {when} |"


def _script(benchmark: str) -> str:
    return f"scripts/soak {benchmark}" if benchmark == "durability" else f"scripts/bench {benchmark}"


def _cells(target: Target, result: Mapping[str, Any] | None) -> tuple[str, str, str]:
    try:
        if result is None:
            return "no result", "", ""
        found = target.find(result["figures"])
    except (KeyError, IndexError, StopIteration):
        return "no result", "", ""
    run = result["run"]
    return found.text, _MARKS[found.reached], f"[{run['at'][:10]}](#{target.benchmark}), {_commit(run)}"


def _commit(run: Mapping[str, Any]) -> str:
    if not run.get("commit"):
        return "commit not recorded"
    return f"{run['commit']} with changes" if run.get("changed") else str(run["commit"])


def _about(result: Mapping[str, Any]) -> str:
    run = result["run"]
    parts = [run["at"], _commit(run), run["machine"]]
    if run.get("load_averages"):
        parts.append(f"load average {run['load_averages'][0]}")
    if run.get("quick"):
        parts.append("short form")
    parts += [f"{name} {version}" for name, version in run.get("versions", {}).items()]
    note = f" {run['note']}" if run.get("note") else ""
    return ", ".join(parts) + "." + note


def _figures(figures: Mapping[str, Any]) -> Iterator[str]:
    """Write single figures as a table of two columns, and each list of rows as a table of its own."""
    flat = list(_flatten(figures, ""))
    single = [(name, value) for name, value in flat if not _is_table(value)]
    if single:
        yield from ("| figure | value |", "|---|---|")
        yield from (f"| {_text(name)} | {_text(value)} |" for name, value in single[:_ROWS_MAX])
        if len(single) > _ROWS_MAX:
            yield f"| and {len(single) - _ROWS_MAX} more | in the JSON |"
    for _, rows in (each for each in flat if _is_table(each[1])):
        columns = list(rows[0])
        yield from ("", f"| {' | '.join(map(_text, columns))} |", "|---" * len(columns) + "|")
        yield from (f"| {' | '.join(_text(row.get(column)) for column in columns)} |" for row in rows)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _flatten(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        yield name, value
        return
    for key, inner in value.items():
        yield from _flatten(inner, f"{name} · {key}" if name else str(key))


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int | float):
        return f"{value:,.10g}"
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value).replace("|", "\\|").replace("\n", " ")
