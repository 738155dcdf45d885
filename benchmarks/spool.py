"""What the event log costs: an append, a durable batch, and the drain into Postgres.

    python benchmarks/spool.py [--json FILE] [--quick]

Spool and embedded database (with fsync) lie in a temporary folder under --folder. Rates are medians of rounds; the
drain's CPU is that of this process, Postgres works beside it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import uvloop
from measured.record import keep

from recsys.db.pool import Database
from recsys.events.drain import drain_once
from recsys.events.exposure import Exposure
from recsys.events.interaction import Interaction, Policy, parse, split
from recsys.events.records import Kind, encode
from recsys.events.spool import Spool
from recsys.identifiers import uuid7
from recsys.settings import Settings

TENANT = UUID(int=1)
ITEMS = tuple(f"item-{number:06d}" for number in range(20))
SCORES = tuple(round(1 - number / 40, 6) for number in range(20))
ROUNDS = 5
BATCH = 1000


def exposure() -> Exposure:
    """Make the record of a slate of 20 items, about 700 bytes."""
    return Exposure(
        id=uuid7(),
        tenant_id=TENANT,
        occurred_at=datetime.now(UTC),
        request_id="01a20504-2fb2-71be-adee-061ad28f1cda",
        surface="home",
        segment="default",
        algo_version="1",
        item_ids=ITEMS,
        scores=SCORES,
        user_key=b"k" * 32,
        session_id="session-0001",
        config_etag="c" * 64,
        rules_etag="r" * 64,
        signals_version="0123456789abcdef",
        meta=b'{"endpoint":"recommend","latency_ms":1.25}',
    )


def interaction(number: int) -> Interaction:
    """Make a click."""
    now = datetime.now(UTC)
    return Interaction(
        event_id=str(uuid7()),
        tenant_id=TENANT,
        occurred_at=now,
        received_at=now,
        seq=number,
        event_type="click",
        item_id=f"item-{number % 5000:06d}",
        user_key=(number % 20_000).to_bytes(32, "big"),
        session_id=f"session-{number % 20_000}",
        surface="home",
        position=3,
    )


def microseconds(action: Callable[[], object], times: int) -> float:
    """Time one call, as the median of rounds."""

    def one_round() -> float:
        begin = time.perf_counter()
        for _ in range(times):
            action()
        return (time.perf_counter() - begin) / times * 1e6

    return statistics.median(one_round() for _ in range(ROUNDS))


def body() -> bytes:
    """Make the body of POST /v1/interactions with a batch of 1,000."""
    event = {"event_type": "click", "item_id": "item-000001", "user": {"user_id": "u1", "session_id": "s1"}}
    return json.dumps({"events": [event | {"surface": "home", "position": 3}] * BATCH}).encode()


async def appends(root: Path, times: int) -> dict[str, float]:
    """Time appends: many a turn, one a turn with its wait, and durable batches."""
    payload, batch = encode(exposure()), [encode(interaction(number)) for number in range(BATCH)]
    async with Spool(root) as spool:
        results: dict[str, float] = {}
        for a_turn in (1, 8, 64):
            begin = time.perf_counter()
            for _ in range(times // a_turn):
                for _ in range(a_turn):
                    spool.append(Kind.EXPOSURE, payload)
                await spool.written()
            results[f"append and write, {a_turn} a turn, us"] = (time.perf_counter() - begin) / times * 1e6
        begin = time.perf_counter()
        for _ in range(times // BATCH):
            spool.append_batch(Kind.INTERACTION, batch)
            await spool.synced()
        results["durable interactions in batches of 1,000, events/s"] = times / (time.perf_counter() - begin)
        results["dropped"] = spool.counts.dropped
    return results


def drain(database: Database, root: Path, kind: Kind, payloads: list[bytes]) -> dict[str, float]:
    """Time the drain of a backlog of one kind."""
    with Spool(root) as spool:
        spool.append_now(kind, payloads)
    begin, cpu = time.perf_counter(), time.process_time()
    landed = 0
    more = True
    while more:
        drained = drain_once(database, root)
        landed += drained.exposures + drained.interactions
        more = drained.more
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    if landed != len(payloads):
        raise SystemExit(f"{landed} rows landed of {len(payloads)}")
    name = kind.name.lower()
    return {f"drained {name}s, rows/s": landed / seconds, f"drain's own CPU a {name}, us": cpu / landed * 1e6}


def measure(folder: Path, times: int) -> dict[str, float]:
    """Measure everything under *folder*."""
    record, sent = exposure(), body()
    policy = Policy(TENANT, b"secret")
    figures = {
        "make an exposure, us": microseconds(exposure, times // 10),
        "encode an exposure, us": microseconds(lambda: encode(record), times // 10),
        "bytes of an exposure": float(len(encode(record))),
        "parse an interaction, us": microseconds(lambda: parse(split(sent), datetime.now(UTC), policy), 10) / BATCH,
        **uvloop.run(appends(folder / "appends", times)),
    }
    with Database.open(Settings(data_dir=folder / "data")) as database:
        interactions = [encode(interaction(number)) for number in range(times)]
        figures |= drain(database, folder / "interactions", Kind.INTERACTION, interactions)
        figures |= drain(database, folder / "exposures", Kind.EXPOSURE, [encode(exposure()) for _ in range(times)])
    return figures


def main() -> None:
    """Measure, print and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--quick", action="store_true", help="a tenth of the records")
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made: the disk that is measured")
    arguments: Any = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rs-", dir=arguments.folder) as folder:
        figures = measure(Path(folder), 20_000 if arguments.quick else 200_000)
    for name, value in figures.items():
        print(f"{name:60} {value:12,.2f}")
    if arguments.json:
        keep(arguments.json, "spool", figures, quick=arguments.quick)


if __name__ == "__main__":
    main()
