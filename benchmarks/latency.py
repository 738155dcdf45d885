"""How long an answer takes at a given rate: requests leave at their times, whether or not earlier ones are answered.

    python benchmarks/latency.py [--json FILE] [--seconds 20] [--rates 100 300 1000 ...]

One worker with the reference load of benchmarks/serving.py (100,000 items, 10 tenants, 10 anchors, 20 rules,
every exposure written before the answer). Latency counts from the time at which a request was due, so neither a slow
answer nor a slow client hides the requests behind it. Errors are answers other than 200, and requests that found
their connection busy. The client has the other core.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

from measured.record import keep
from overload import Seen, drive, percentile
from serving import REFERENCE, cpu_seconds, requests, service

RATES = (100.0, 300.0, 1000.0, 2000.0)
WARM_UP = (200.0, 2.0)
"""Rate and seconds of what is not counted."""


def figures(seen: Seen, rate: float, busy: float) -> dict[str, Any]:
    """Sum up what was seen at one rate; *busy* is the worker's share of a core."""
    answered = len(seen.accepted)
    errors = sum(times for status, times in seen.statuses.items() if status != 200)  # noqa: PLR2004  HTTP
    return {
        "rate": rate,
        "answered": answered,
        "errors": errors,
        **{f"p{share:g}_ms": percentile(seen.accepted, share) for share in (50, 90, 99, 99.9)},
        "max_ms": percentile(seen.accepted, 100),
        "busy_share_of_the_worker": round(busy, 3),
    }


def measure(rates: list[float], seconds: float) -> dict[str, Any]:
    """Measure rate by rate, from the lowest."""
    asked, rows = requests(REFERENCE), []
    with service() as running:
        port, pid = running.port, running.worker
        asyncio.run(drive(port, asked, *WARM_UP))
        for rate in sorted(rates):
            before = cpu_seconds(pid)
            seen = asyncio.run(drive(port, asked, rate, seconds))
            rows.append(figures(seen, rate, (cpu_seconds(pid) - before) / seconds))
            print("   ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    return {"seconds": seconds, "rates": rows}


def main() -> None:
    """Print the figures, and write them as JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0, help="for each rate")
    parser.add_argument("--rates", type=float, nargs="+", default=list(RATES), help="requests a second")
    options = parser.parse_args()
    found = measure(options.rates, options.seconds)
    if options.json:
        keep(options.json, "latency", found)


if __name__ == "__main__":
    main()
