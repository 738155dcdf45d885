"""Runs every benchmark in a fixed order, each within its bound, keeps the results, and makes the page of them.

    python benchmarks/all.py [NAME ...] [--quick] [--full]

Prints what it is going to run and how long that takes on two quiet cores. --quick runs the short form of those that
have one and keeps nothing; --full takes the sizes of the targets where the usual run is smaller (an hour more).
What passes its bound is ended and counts as failed; the others still run.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from measured.record import RESULTS

HERE = Path(__file__).parent
ENDS_SECONDS = 30.0
"""What a benchmark gets to clean up after it has passed its bound."""


class Plan(NamedTuple):
    """How one benchmark is run."""

    expected: int
    """Seconds on two quiet cores."""
    options: tuple[str, ...] = ()
    full: tuple[str, ...] = ()
    """Instead of `options`, with --full."""
    quick: tuple[str, ...] = ("--quick",)

    @property
    def bound(self) -> int:
        """Seconds after which it is ended."""
        return 2 * self.expected + 30


PLANS = {
    "ranking": Plan(60),
    "rules": Plan(20, quick=()),
    "session_knn": Plan(20),
    "serving": Plan(90),
    "query": Plan(30),
    "latency": Plan(75, ("--seconds", "15"), quick=("--seconds", "1")),
    "growth": Plan(130, ("--seconds", "3"), quick=("--quick", "--seconds", "0.5")),
    "overload": Plan(50, ("--seconds", "30"), ("--seconds", "60"), quick=("--seconds", "2")),
    "spool": Plan(35),
    "imports": Plan(20, ("--rows", "100000"), ("--rows", "1000000"), quick=("--rows", "20000")),
    "clicks": Plan(60),
    "propagation": Plan(75, ("--rounds", "50"), ("--rounds", "200")),
    "freshness": Plan(180, ("--rounds", "10"), ("--rounds", "20")),
    "doctor": Plan(50),
    "tenants": Plan(180),
    "snapshot_load": Plan(
        300, ("--items", "1000000", "--neighbors", "20000000"), quick=("--items", "1000", "--neighbors", "10000")
    ),
    "signals_build": Plan(
        100,
        ("--events", "500000", "--one-day", "100000"),
        ("--events", "10000000"),
        quick=("--events", "20000", "--one-day", "2000"),
    ),
}


def run(name: str, options: tuple[str, ...], bound: float) -> str:
    """Run one; say what came of it: ok, failed or ended."""
    command = [sys.executable, str(HERE / f"{name}.py"), *options]
    process = subprocess.Popen(command, start_new_session=True)  # noqa: S603  our own file
    try:
        return "ok" if process.wait(bound) == 0 else "failed"
    except subprocess.TimeoutExpired:
        return f"ended after {bound:.0f} s"
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it as Ctrl-C does, so that it cleans up, and kill what is left."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(ENDS_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main() -> int:
    """Run them, keep their results, make the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*", metavar="NAME", help=f"default: {', '.join(PLANS)}")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--full", action="store_true")
    given = parser.parse_args()
    chosen = {name: PLANS[name] for name in given.name or PLANS}
    for name, plan in chosen.items():
        print(f"{name:16} about {plan.expected:4} s, at most {plan.bound:4} s")
    print(f"{'all':16} about {sum(plan.expected for plan in chosen.values()) / 60:.0f} minutes\n", flush=True)
    outcomes = {}
    for name, plan in chosen.items():
        kept = ("--json", str(RESULTS / f"{name}.json"))
        options = plan.quick if given.quick else ((given.full and plan.full) or plan.options) + kept
        began = time.monotonic()
        print(f"--- {name} {' '.join(options)}", flush=True)
        outcomes[name] = run(name, options, plan.bound if not given.full else 10 * plan.bound)
        print(f"--- {name}: {outcomes[name]}, {time.monotonic() - began:.0f} s\n", flush=True)
    if not given.quick:
        outcomes["report"] = run("report", (), 60)
    wrong = {name: outcome for name, outcome in outcomes.items() if outcome != "ok"}
    print("\n".join(f"{name}: {outcome}" for name, outcome in wrong.items()) or "all ran")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
