"""Durability: what was acknowledged is counted after kills, outages, full disks and restores.

    python benchmarks/durability.py [SCENARIO ...] [--quick] [--json FILE]

Every scenario has a Postgres, a service and a folder of its own; each prints its figures and whether they hold. The
full run takes about ten minutes; --quick shows the same in a few rounds. Ends with 1 when something does not hold.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from durable import ingest, killing, outages
from measured.record import keep


class Scenario(NamedTuple):
    """One thing that is done to the service."""

    play: Callable[[Any], dict[str, Any]]
    full: float
    """Its size in a full run: rounds, seconds or MiB."""
    quick: float


SCENARIOS = {
    "kill-service": Scenario(killing.kill_service, 20, 2),
    "kill-postgres": Scenario(killing.kill_postgres, 20, 2),
    "kill-both": Scenario(killing.kill_both, 20, 2),
    "spool-restored": Scenario(killing.spool_restored, 1, 1),
    "database-restored": Scenario(killing.database_restored, 1, 1),
    "two-drains": Scenario(killing.two_drains, 10, 2),
    "database-away": Scenario(outages.database_away, 60, 4),
    "disk-full": Scenario(outages.disk_full, 48, 16),
    "interactions": Scenario(ingest.interactions, 20, 3),
    "same-batch": Scenario(ingest.same_batch, 100, 10),
    "exposure-cost": Scenario(ingest.exposure_cost, 30, 5),
}


def main() -> None:
    """Play scenarios, print their figures and write them as JSON."""
    if sys.argv[1:] == ["_on_small_disk"]:
        print(json.dumps(outages.on_small_disk()))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="*", metavar="SCENARIO", help=f"default: all of {chr(44).join(SCENARIOS)}")
    parser.add_argument("--quick", action="store_true", help="a few rounds of each")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments: Any = parser.parse_args()
    results: dict[str, Any] = {}
    for name in arguments.scenario or SCENARIOS:
        scenario = SCENARIOS[name]
        began = time.monotonic()
        size = scenario.quick if arguments.quick else scenario.full
        results[name] = {"size": size, **scenario.play(int(size))}
        results[name]["took, s"] = round(time.monotonic() - began, 1)
        print(f"{name}\n" + "\n".join(f"    {key:52} {value}" for key, value in results[name].items()), flush=True)
    if arguments.json:
        keep(arguments.json, "durability", results, quick=arguments.quick)
    wrong = [name for name, result in results.items() if not result.get("holds", True)]
    if wrong:
        raise SystemExit(f"does not hold: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
