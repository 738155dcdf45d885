"""How long the session signal takes, and how much memory: 500,000 sessions, 100,000 items, up to 20 anchors.

    python benchmarks/session_knn.py [--json FILE] [--quick]

Synthetic sessions: items by a power law, in neighbourhoods, so that sessions resemble each other. Medians and 99th
percentiles of one process, one thread.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measured.record import keep

from recsys.ranking.anchors import Anchors
from recsys.ranking.sessions import resembling
from recsys.snapshot.sessions import SessionColumns, Sessions, remember

TARGET_MS = 1.0
TAIL = 2_000
"""Sessions that came since the base was loaded."""


def sessions(count: int, items: int, rng: np.random.Generator) -> SessionColumns:
    """Make *count* sessions of 2 to 16 items, 4 on average."""
    lengths = np.minimum(2 + rng.geometric(1 / 3, count) - 1, 16)
    owner = np.repeat(np.arange(count, dtype=np.int32), lengths)
    home = (rng.random(count) ** 3 * items).astype(np.int64)
    item = (home[owner] + np.floor(rng.exponential(20, len(owner)))).astype(np.int64) % items
    unique = np.unique(owner * np.int64(items) + item)
    return SessionColumns((unique // items).astype(np.int32), (unique % items).astype(np.int32))


def questions(drawn: np.ndarray[Any, np.dtype[np.intp]]) -> list[Anchors]:
    """Make what visitors did in their sessions out of rows of items."""
    weights = 0.85 ** np.arange(drawn.shape[1])
    rows = [np.unique(row) for row in drawn]
    return [Anchors(row, weights[: len(row)], 0) for row in rows]


def timed(work: Callable[[Any], object], arguments: list[Any]) -> dict[str, float]:
    """Call *work* with each argument; milliseconds."""
    took = []
    for argument in arguments:
        began = time.perf_counter()
        work(argument)
        took.append((time.perf_counter() - began) * 1000)
    return {"median_ms": round(float(np.median(took)), 3), "p99_ms": round(float(np.percentile(took, 99)), 3)}


def size(base: Sessions) -> int:
    """Count the bytes of a base."""
    arrays = (base.items.indptr, base.items.indices, base.sessions.indptr, base.sessions.indices, base.idf)
    return sum(array.nbytes for array in arrays)


def measure(count: int, items: int) -> dict[str, Any]:
    """Build a base and a tail, and ask."""
    rng = np.random.default_rng(1)
    columns = sessions(count, items, rng)
    began = time.perf_counter()
    base = remember(columns, items)
    built = time.perf_counter() - began
    began = time.perf_counter()
    tail = remember(sessions(TAIL, items, rng), items)
    found: dict[str, Any] = {
        "sessions": count,
        "items": items,
        "entries": len(columns.item),
        "megabytes": round(size(base) / 1e6, 1),
        "build_s": round(built, 2),
        "tail_build_ms": round((time.perf_counter() - began) * 1000, 1),
    }
    for anchors in (1, 5, 20):
        asked = questions((rng.random((500, anchors)) ** 3 * items).astype(np.intp))
        found[f"anchors {anchors}"] = timed(lambda one: resembling(one, (base,)), asked)
    found["anchors 20, of the most popular 200"] = timed(
        lambda one: resembling(one, (base,)), questions(rng.integers(200, size=(500, 20)))
    )
    found["anchors 20, with a tail"] = timed(lambda one: resembling(one, (base, tail)), asked)
    return found


def main() -> None:
    """Print the figures, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    options = parser.parse_args()
    scale = 10 if options.quick else 1
    found = measure(500_000 // scale, 100_000 // scale)
    found["target_ms"] = TARGET_MS
    found["reached"] = found["anchors 20"]["median_ms"] <= TARGET_MS
    print(json.dumps(found, indent=1))
    if options.json:
        keep(options.json, "session_knn", found, quick=options.quick)


if __name__ == "__main__":
    main()
