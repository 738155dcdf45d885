"""Durability: what was acknowledged is counted after kills, outages, full disks and restores.

    python benchmarks/durability.py [SCENARIO ...] [--quick] [--json FILE]

Every scenario has a Postgres, a service and a folder of its own; each prints its figures and whether they hold. The
full run takes about a quarter of an hour on two quiet cores; --quick shows the same in a few rounds. A scenario that
fails or passes its bound, three times what it takes there, does not hold, and the next one begins. Ends with 1 when
one does not hold.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from durable import ingest, killing, outages
from measured.record import keep


class Scenario(NamedTuple):
    """One thing that is done to the service."""

    play: Callable[[Any], dict[str, Any]]
    full: float
    """Its size in a full run: rounds, seconds or MiB."""
    quick: float
    expected: float
    """Seconds that the full run takes on two quiet cores."""

    @property
    def bound(self) -> float:
        """Seconds after which it is given up."""
        return 3 * self.expected + 30


class _OutOfTimeError(Exception):
    """A scenario has passed its bound."""


SCENARIOS = {
    "kill-service": Scenario(killing.kill_service, 20, 2, 100),
    "kill-postgres": Scenario(killing.kill_postgres, 20, 2, 90),
    "kill-both": Scenario(killing.kill_both, 20, 2, 130),
    "spool-restored": Scenario(killing.spool_restored, 1, 1, 25),
    "database-restored": Scenario(killing.database_restored, 1, 1, 25),
    "two-drains": Scenario(killing.two_drains, 10, 2, 25),
    "database-away": Scenario(outages.database_away, 60, 4, 110),
    "disk-full": Scenario(outages.disk_full, 48, 16, 70),
    "interactions": Scenario(ingest.interactions, 20, 3, 45),
    "same-batch": Scenario(ingest.same_batch, 100, 10, 20),
    "exposure-cost": Scenario(ingest.exposure_cost, 30, 5, 45),
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
    chosen = {name: SCENARIOS[name] for name in arguments.scenario or SCENARIOS}
    if not arguments.quick:
        minutes = sum(scenario.expected for scenario in chosen.values()) / 60
        print(f"about {minutes:.0f} minutes on two quiet cores: {', '.join(chosen)}", flush=True)
    for name, scenario in chosen.items():
        began = time.monotonic()
        size = scenario.quick if arguments.quick else scenario.full
        results[name] = {"size": size, **_play(scenario, int(size))}
        results[name]["took, s"] = round(time.monotonic() - began, 1)
        print(f"{name}\n" + "\n".join(f"    {key:52} {value}" for key, value in results[name].items()), flush=True)
    if arguments.json:
        keep(arguments.json, "durability", results, quick=arguments.quick)
    wrong = [name for name, result in results.items() if not result.get("holds", True)]
    if wrong:
        raise SystemExit(f"does not hold: {', '.join(wrong)}")


def _play(scenario: Scenario, size: int) -> dict[str, Any]:
    """Play one within its bound; whatever goes wrong is its result."""

    def end(*_: object) -> NoReturn:
        raise _OutOfTimeError(f"not over after {scenario.bound:.0f} s")

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, scenario.bound)
    try:
        return scenario.play(size)
    except (Exception, SystemExit) as error:  # noqa: BLE001  the other scenarios are still to be played
        return {"failed": str(error) or type(error).__name__, "holds": False}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    main()
