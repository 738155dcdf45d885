"""What rules cost: reading and compiling 1,000 of them against 100,000 items, and what is left for a request.

    python benchmarks/rules.py [--json FILE]

A tenth of the rules pin, a tenth block, the rest boost and bury; half of the targets are items and half are tags,
and a third of the rules have a window. The last figure is the median of ranking the same requests with and without
the rules, one after the other, so that the machine's moods cancel out.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measured.record import keep
from ranking import NOW, catalogue, queries

from recsys.ranking.query import NOBODY, Query
from recsys.ranking.recommend import recommend
from recsys.rules.compile import compile_rules
from recsys.rules.live import NO_RULES, Live
from recsys.rules.parse import parse_rules
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import RequestParams

ITEMS = 100_000
RULES = 1_000
REQUESTS = 2_000


def document(snapshot: Snapshot, rng: random.Random) -> bytes:
    """Write a rules document about items and tags of the snapshot."""
    return json.dumps([rule(snapshot, rng) for _ in range(RULES)]).encode()


def rule(snapshot: Snapshot, rng: random.Random) -> dict[str, Any]:
    """Write one rule."""
    action = rng.choices(["pin", "block", "boost", "bury"], [1, 1, 4, 4])[0]
    said: dict[str, Any] = {"action": action, "priority": rng.randrange(10)}
    if action == "pin" or rng.randrange(2):
        said["item_ids"] = rng.sample(snapshot.items.ids, 3)
    else:
        said |= {"target_type": "tag", "target_key": rng.choice(snapshot.tags.ids)}
    if action in {"boost", "bury"}:
        said["boost_value"] = rng.choice([0.05, 0.1, 0.2])
    if rng.randrange(3) == 0:
        said["valid_until"] = "2100-01-01"
    return said


def milliseconds(work: Callable[[], object]) -> float:
    """Time one call."""
    began = time.perf_counter()
    work()
    return round((time.perf_counter() - began) * 1e3, 3)


def request_us(snapshot: Snapshot, live: Live, query: Query) -> float:
    """Time one request."""
    began = time.perf_counter()
    recommend(query, NOBODY, snapshot, RequestParams(), live, now=NOW)
    return (time.perf_counter() - began) * 1e6


def measure() -> dict[str, float]:
    """Take every figure once."""
    rng = np.random.default_rng(1)
    snapshot = catalogue(ITEMS, rng)
    text = document(snapshot, random.Random(1))
    rules = parse_rules(text)
    compiled = compile_rules(rules, snapshot)
    figures = {
        "parse ms": milliseconds(lambda: parse_rules(text)),
        "compile ms": milliseconds(lambda: compile_rules(rules, snapshot)),
        "first request ms": milliseconds(lambda: compiled.live("home", "default", NOW)),
        "look-up us": round(milliseconds(lambda: [compiled.live("home", "default", NOW) for _ in range(1000)]), 3),
    }
    live = compiled.live("home", "default", NOW)
    asked = queries(snapshot, 10, rng)
    pairs = [
        (request_us(snapshot, NO_RULES, query), request_us(snapshot, live, query))
        for query in (asked[number % len(asked)] for number in range(REQUESTS))
    ]
    without, with_rules = (statistics.median(column) for column in zip(*pairs, strict=True))
    return figures | {"ranking us": round(without, 1), "ranking with rules us": round(with_rules, 1)}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    figures = measure()
    for name, value in figures.items():
        print(f"{name:24} {value:>10}")
    if options.json:
        keep(options.json, "rules", figures)


if __name__ == "__main__":
    main()
