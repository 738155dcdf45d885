"""How long ranking takes: from a Query and a snapshot to a slate, without HTTP, and how that grows.

    python benchmarks/ranking.py [--json FILE] [--quick]

The case that is measured first: 100,000 items with 50 neighbours and 4 tags each, 10 anchors, 20 rules, k 20, the
default weights, no explanation. Every other figure changes one thing of it. Medians of many calls with different
anchors, one process, one thread.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import numpy as np
from measured.record import keep

from recsys.ranking.query import NOBODY, Event, Query, Visitor
from recsys.ranking.recommend import recommend
from recsys.rules.live import NO_RULES, Adjustment, Live, Pin, live
from recsys.snapshot.cards import written
from recsys.snapshot.freeze import by_popularity, popularity_score, tag_norms, tag_weight, unit_rows
from recsys.snapshot.snapshot import Rows, Snapshot
from recsys.snapshot.vocabulary import Vocabulary
from recsys.tenancy.config import RequestParams, SignalParams

NOW = datetime(2026, 5, 20, tzinfo=UTC)
NEIGHBORS = 50
AVAILABLE = 0.98
ITEMS, ANCHORS, RULES, K = 100_000, 10, 20, 20


class Case(NamedTuple):
    """What is measured: *count* queries that differ in their anchors only."""

    snapshot: Snapshot
    queries: list[Query]
    params: RequestParams
    live: Live
    visitor: Visitor = NOBODY


def catalogue(items: int, rng: np.random.Generator) -> Snapshot:
    """Make a shop: popularity with a long tail, a category, a brand, a colour and a price class for each item."""
    ids = Vocabulary(f"item-{number:07d}" for number in range(items))
    brands = max(items // 200, 50)  # so many that a cap of 3 a brand leaves room for k
    words = [*(f"brand:{b:05d}" for b in range(brands)), *(f"category:{c:03d}" for c in range(60))]
    words += [*(f"color:{c:02d}" for c in range(12)), *(f"price:{p}" for p in range(8))]
    tags = Vocabulary(words)
    carried = np.stack(
        [
            rng.zipf(1.5, items) % brands,
            brands + rng.integers(60, size=items),
            brands + 60 + rng.integers(12, size=items),
            brands + 72 + rng.integers(8, size=items),
        ],
        axis=1,
    ).astype(np.int32)
    popularity = np.floor(rng.pareto(1.2, items) * 10)
    ranked = by_popularity(popularity)
    place = np.empty(items, dtype=np.int64)
    place[ranked] = np.arange(items)
    owners = np.repeat(np.arange(items), 4)
    order = np.lexsort((place[owners], carried.ravel()))
    counts = np.bincount(carried.ravel(), minlength=len(tags))
    weight = tag_weight(np.maximum(counts, 1), items)
    tags_of = Rows(np.arange(items + 1) * 4, carried.ravel())
    norms, score = tag_norms(tags_of, weight), popularity_score(popularity)
    item_tags = unit_rows(tags_of, weight, norms)
    values = -np.sort(-(rng.random((items, NEIGHBORS), dtype=np.float32) ** 2), axis=1)
    near = np.minimum((rng.random((items, NEIGHBORS)) ** 2 * items).astype(np.int32), items - 1)
    available = rng.random(items) < AVAILABLE
    return Snapshot(
        tenant_id=UUID(int=1),
        namespace="bench",
        version="bench",
        as_of=NOW,
        params=SignalParams(),
        items=ids,
        available=available,
        popularity=popularity,
        popularity_score=score,
        by_popularity=ranked,
        neighbors=Rows(np.arange(items + 1) * NEIGHBORS, near.ravel(), values.ravel()),
        tags=tags,
        item_tags=item_tags,
        tag_items=Rows(np.concatenate([[0], np.cumsum(counts)]), owners[order].astype(np.int32)),
        tag_weight=weight,
        cards=written(score, available, item_tags, norms),
    )


def rules(count: int, snapshot: Snapshot, rng: np.random.Generator) -> Live:
    """Make *count* rules: a tenth pins, a tenth blocks, the rest boosts and buries of whole tags."""
    if count == 0:
        return NO_RULES
    n, tenth = len(snapshot.items), max(count // 10, 1)
    pinned = rng.integers(n, size=tenth).tolist()
    adjustments = []
    for rule in range(count - 2 * tenth):
        numbers = np.sort(snapshot.tag_items.row(int(rng.integers(len(snapshot.tags)))))
        amount = 0.2 if rule % 3 else -0.2
        adjustments.append(Adjustment(numbers, amount, f"rule-{rule}", "boost" if amount > 0 else "bury"))
    heads = [snapshot.by_popularity[:0], *(one.numbers[:10] for one in adjustments if one.amount > 0)]
    return live(
        n,
        pins=[Pin(number, snapshot.items.ids[number], None, f"pin-{number}") for number in pinned[: K // 4]],
        adjustments=adjustments,
        blocked=rng.integers(n, size=tenth).astype(np.int32),
        promoted=np.concatenate(heads)[:50],
    )


def queries(snapshot: Snapshot, anchors: int, rng: np.random.Generator, **fields: Any) -> list[Query]:
    """Make 200 queries whose anchors are drawn like visits: popular items more often."""
    drawn = snapshot.by_popularity[(rng.random((200, anchors)) ** 3 * len(snapshot.items)).astype(np.int64)]
    ids = snapshot.items.ids
    return [
        Query(surface="home", namespace="bench", k=K, anchors=tuple(ids[number] for number in row), **fields)
        for row in drawn.tolist()
    ]


def median_us(case: Case, seconds: float) -> dict[str, float]:
    """Measure calls one by one for about *seconds*; microseconds."""
    taken = []
    for query in case.queries[:20]:
        recommend(query, case.visitor, case.snapshot, case.params, case.live, now=NOW)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for query in case.queries:
            begin = time.perf_counter_ns()
            recommend(query, case.visitor, case.snapshot, case.params, case.live, now=NOW)
            taken.append((time.perf_counter_ns() - begin) / 1000)
    return {"median_us": round(float(np.median(taken)), 1), "p99_us": round(float(np.quantile(taken, 0.99)), 1)}


def measure(sizes: list[int], seconds: float) -> dict[str, dict[str, float]]:
    """Return every figure by the name of what was changed."""
    figures: dict[str, dict[str, float]] = {}

    def note(name: str, make: Callable[[], Case]) -> None:
        figures[name] = median_us(make(), seconds)
        print(f"{name:44s} median {figures[name]['median_us']:9.1f} us   p99 {figures[name]['p99_us']:9.1f} us")

    rng = np.random.default_rng(7)
    shop = catalogue(ITEMS, rng)
    some, asked, plain = rules(RULES, shop, rng), queries(shop, ANCHORS, rng), RequestParams()
    diverse, capped = msgspec.structs.replace(plain, mmr_lambda=0.7), msgspec.structs.replace(plain, caps={"brand:": 3})
    note("the case", lambda: Case(shop, asked, plain, some))
    note("with MMR over the best 60", lambda: Case(shop, asked, diverse, some))
    note("with caps", lambda: Case(shop, asked, capped, some))
    note("with MMR and caps", lambda: Case(shop, asked, msgspec.structs.replace(diverse, caps={"brand:": 3}), some))
    note("algo cooc", lambda: Case(shop, asked, msgspec.structs.replace(plain, algo="cooc"), some))
    note("algo popularity", lambda: Case(shop, asked, msgspec.structs.replace(plain, algo="popularity"), some))
    note("with history of 30 and a profile", lambda: Case(shop, asked, plain, some, visitor(shop, rng)))
    note("with reasons", lambda: Case(shop, queries(shop, ANCHORS, rng, include_reasons=True), plain, some))
    note("with full explanation", lambda: Case(shop, queries(shop, ANCHORS, rng, explain="full"), plain, some))
    for anchors in (0, 1, 5, 20, 50):
        note(f"anchors {anchors}", lambda anchors=anchors: Case(shop, queries(shop, anchors, rng), plain, some))
    for count in (0, 100, 1000):
        note(f"rules {count}", lambda count=count: Case(shop, asked, plain, rules(count, shop, rng)))
    note("everything at its limit", lambda: Case(shop, limit(shop, rng), plain, some))
    note("a cap that the catalogue can not fill", lambda: Case(shop, asked[:5], exhausted(plain), some))
    for size in sizes:
        sized = catalogue(size, rng)
        note(f"items {size}", lambda s=sized: Case(s, queries(s, ANCHORS, rng), plain, rules(RULES, s, rng)))
    return figures


def growth(figures: dict[str, dict[str, float]]) -> dict[str, list[dict[str, float]]]:
    """Arrange what was measured along each axis as the rows of a table, the case itself among them."""
    tables = {}
    for axis, usual in (("anchors", ANCHORS), ("rules", RULES), ("items", ITEMS)):
        rows = {int(name.split()[1]): took for name, took in figures.items() if name.startswith(f"{axis} ")}
        rows[usual] = figures["the case"]
        tables[axis] = [{axis: value, **rows[value]} for value in sorted(rows)]
    return tables


def visitor(snapshot: Snapshot, rng: np.random.Generator) -> Visitor:
    """Make somebody with 30 interactions in the last month."""
    return Visitor(
        tuple(
            Event(snapshot.items.ids[int(number)], "view", NOW - timedelta(days=age))
            for age, number in enumerate(rng.integers(len(snapshot.items), size=30))
        )
    )


def limit(snapshot: Snapshot, rng: np.random.Generator) -> list[Query]:
    """Make queries with 5,000 included, 5,000 excluded, 50 anchors and 200 required tags."""
    ids, tags = snapshot.items.ids, snapshot.tags.ids
    drawn = rng.permutation(len(ids))[:10_000].tolist()
    return queries(
        snapshot,
        50,
        rng,
        include_ids=tuple(ids[number] for number in drawn[:5000]),
        exclude_ids=tuple(ids[number] for number in drawn[5000:]),
        required_tags=tags[:200],
    )[:20]


def exhausted(params: RequestParams) -> RequestParams:
    """Allow two items of each price class: fewer than k in all."""
    return msgspec.structs.replace(params, caps={"price:": 2})


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="fewer calls, no million items")
    options = parser.parse_args()
    print(f"numpy {np.__version__}, Python {sys.version.split()[0]}")
    sizes = [1_000, 10_000] if options.quick else [1_000, 10_000, 1_000_000]
    figures = measure(sizes, 0.3 if options.quick else 2.0)
    if options.json:
        keep(options.json, "ranking", figures | growth(figures), quick=options.quick)


if __name__ == "__main__":
    main()
