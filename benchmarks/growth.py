"""How throughput and the CPU of a request grow: with items, tenants, anchors, rules, workers, over HTTP.

    python benchmarks/growth.py [AXIS ...] [--json FILE] [--seconds 4] [--quick]

Every figure changes one thing of the reference load of benchmarks/serving.py (100,000 items, 10 tenants, 10 anchors,
20 rules, one worker). Along `tenants` everybody has a catalogue of 1,000 items of their own. The closed-loop client has
the other core; two workers share it with the client, so their sum says less than the CPU a request takes.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from measured.record import keep
from overload import memory_mib
from serving import REFERENCE, Case, ask, bodies, cpu_seconds, service, turn, wire

CONNECTIONS = 16
OWN_ITEMS = 1_000
_WARM_SHARE = 0.1
"""What `turn` adds before it counts."""


class Axis(NamedTuple):
    """What is changed, to which values, and the case that a value makes."""

    values: tuple[int, ...]
    quick: tuple[int, ...]
    case: Callable[[int], Case]
    workers: Callable[[int], int] = lambda _: 1


AXES = {
    "items": Axis((1_000, 10_000, 100_000, 1_000_000), (1_000, 10_000), lambda n: REFERENCE._replace(items=n)),
    "tenants": Axis((1, 10, 100, 1_000), (1, 10), lambda n: Case(tenants=n, items=OWN_ITEMS, own_catalogues=True)),
    "anchors": Axis((0, 1, 10, 50), (1, 10), lambda n: REFERENCE._replace(anchors=n)),
    "rules": Axis((0, 20, 100, 1_000), (0, 20), lambda n: REFERENCE._replace(rules=n)),
    "workers": Axis((1, 2), (1, 2), lambda _: REFERENCE, lambda n: n),
}


def workers_of(server: subprocess.Popen[bytes]) -> list[int]:
    """List the processes that a server has started."""
    tasks = Path(f"/proc/{server.pid}/task").glob("*/children")
    return [int(pid) for task in tasks for pid in task.read_text().split()]


def measure(case: Case, workers: int, seconds: float) -> dict[str, float]:
    """Start a service for *case* and drive it."""
    sent = bodies(case)
    requests = [
        wire("/v1/recommend", sent[n % len(sent)], n % case.tenants) for n in range(max(len(sent), case.tenants))
    ]
    with service(case, workers) as running:
        port, pids = running.port, workers_of(running.process)
        for request in requests:  # what is compiled or cached on first need is there
            ask(port, request)
        cpu = sum(map(cpu_seconds, pids))
        rate = asyncio.run(turn(port, pids[0], requests, CONNECTIONS, seconds)).rate
        cpu = sum(map(cpu_seconds, pids)) - cpu
        memory = sum(map(memory_mib, pids))
    answered = rate * seconds * (1 + _WARM_SHARE)
    return {
        "requests_per_second": round(rate),
        "cpu_us": round(cpu / answered * 1e6, 1),
        "memory_mib": round(memory),
    }


def main() -> None:
    """Print the figures, and write them as JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("axis", nargs="*", metavar="AXIS", help=f"default: all of {', '.join(AXES)}")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=4.0, help="for each figure")
    parser.add_argument("--quick", action="store_true", help="two small values of each")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    for name in options.axis or AXES:
        axis, rows = AXES[name], []
        for value in axis.quick if options.quick else axis.values:
            began = time.monotonic()
            row = {name: value, **measure(axis.case(value), axis.workers(value), options.seconds)}
            rows.append(row)
            print("   ".join(f"{key} {figure}" for key, figure in row.items()), end="")
            print(f"   ({time.monotonic() - began:.0f} s)", flush=True)
        found[name] = rows
    if options.json:
        keep(options.json, "growth", found, quick=options.quick)


if __name__ == "__main__":
    main()
