"""Twenty thousand interactions a second, the same batch a hundred times, and what an exposure costs."""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import time
from datetime import UTC, datetime
from typing import Any

import serving

from durable.load import Acknowledged, Connection, account, holds, report
from durable.stage import Postgres, Service, cpu_seconds, stage
from recsys.identifiers import uuid7

BATCH = 1000
SAME = 50
CONNECTIONS = 4
ACCEPTED = 202
PROMISED = 20_000
RATE = 21_000.0
"""Events a second that are sent while the drain is watched."""
_COUNT = "select count(*) from interaction_events"


def interactions(seconds: float) -> dict[str, Any]:
    """Send batches of 1,000: first as fast as they are taken, then at a rate that the drain must keep up with."""
    with stage() as (postgres, service):
        service.start()
        known = Acknowledged()
        figures = asyncio.run(_both(postgres, service, known, seconds))
        counted = account(postgres, known)
    counted["acknowledged lists"] = 1  # none was asked for
    enough = figures["at a rate: accepted a second"] >= PROMISED
    kept_up = figures["at a rate: left in the spool at the end"] <= RATE  # a second's worth
    as_said = holds(counted) and not known.refused and enough and kept_up
    return {**figures, **counted, "holds": as_said}


async def _both(postgres: Postgres, service: Service, known: Acknowledged, seconds: float) -> dict[str, Any]:
    fast = await _send(postgres, service, known, seconds / 4, None)
    while await asyncio.to_thread(postgres.one, _COUNT) < len(known.events):  # noqa: ASYNC110  only the database knows
        await asyncio.sleep(0.1)
    steady = await _send(postgres, service, known, seconds, RATE)
    return {f"as fast as taken: {name}": value for name, value in fast.items()} | {
        f"at a rate: {name}": value for name, value in steady.items()
    }


async def _send(
    postgres: Postgres, service: Service, known: Acknowledged, seconds: float, rate: float | None
) -> dict[str, float]:
    commands = service.processes()
    worker = next(pid for pid, command in commands.items() if "spawn_main" in command)
    keeper = next(pid for pid, command in commands.items() if "recsys.keeper" in command)
    cpu, before = (cpu_seconds(worker), cpu_seconds(keeper), postgres.cpu_seconds()), len(known.events)
    began = time.monotonic()
    batches = itertools.count()

    async def one() -> None:
        connection = Connection(service.port)
        while time.monotonic() - began < seconds:
            if rate is not None:
                due = began + next(batches) * BATCH / rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            await report(connection, known, BATCH)
        connection.close()

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    took, accepted = time.monotonic() - began, len(known.events) - before
    landed = await asyncio.to_thread(postgres.one, _COUNT) - before
    spooled = sum(path.stat().st_size for path in (service.data / "spool").rglob("*.seg"))
    return {
        "accepted a second": round(accepted / took),
        "drained a second, meanwhile": round(landed / took),
        "left in the spool at the end": accepted - landed,
        "bytes of the spool": spooled,
        "CPU of the worker, us an event": round((cpu_seconds(worker) - cpu[0]) / accepted * 1e6, 1),
        "CPU of the drain, us an event": round((cpu_seconds(keeper) - cpu[1]) / accepted * 1e6, 1),
        "CPU of Postgres, us an event": round((postgres.cpu_seconds() - cpu[2]) / accepted * 1e6, 1),
    }


def same_batch(times: int) -> dict[str, Any]:
    """Send one batch so many times in parallel over two seconds: one row an event, however its time is fixed."""

    def batch(kind: str) -> bytes:
        now = datetime.now(UTC).isoformat()
        fixed = {"occurred_at": now} if kind == "occurred_at" else {}
        names = [f"same-{number}" if fixed else str(uuid7()) for number in range(SAME)]
        event = {"event_type": "click", "item_id": "item-1", **fixed}
        return json.dumps({"events": [event | {"event_id": name} for name in names]}).encode()

    async def play(port: int, bodies: list[bytes]) -> int:
        async def one(number: int) -> int:
            await asyncio.sleep(2 * number / times)
            connection = Connection(port)
            status, _ = await connection.post("/v1/interactions", bodies[number % 2], f"same-{number}")
            connection.close()
            return status

        statuses = await asyncio.gather(*map(one, range(2 * times)))
        return statuses.count(ACCEPTED)

    with stage(workers=2) as (postgres, service):
        service.start()
        taken = asyncio.run(play(service.port, [batch("occurred_at"), batch("uuid7")]))
        service.stop()
        rows = postgres.one(_COUNT)
    as_said = (taken, rows) == (2 * times, 2 * SAME)
    return {f"batches of {SAME} sent": 2 * times, "accepted": taken, "rows": rows, "holds": as_said}


def exposure_cost(seconds: float) -> dict[str, Any]:
    """Compare the CPU of a list with and without its exposure, in turns: the application of `bench serving`."""
    with (
        serving.service(application="durable.ingest:with_exposures") as logging,
        serving.service(application="durable.ingest:without_exposures") as silent,
    ):
        taken = _turns({"with": logging, "without": silent}, seconds)
        log = sum(path.stat().st_size for path in logging.folder.rglob("*.seg"))
    on, off = (statistics.median(one.cpu_us for one in taken[kind]) for kind in ("with", "without"))
    rates = {kind: round(statistics.median(one.rate for one in turns)) for kind, turns in taken.items()}
    return {
        "CPU of a list with its exposure, us": round(on, 1),
        "CPU of a list without, us": round(off, 1),
        "ratio of CPU": round(on / off, 3),
        "lists a second": rates,
        "bytes in the spool": log,
        "holds": on <= 1.2 * off,
    }


def _turns(running: dict[str, serving.Running], seconds: float) -> dict[str, list[serving.Turn]]:
    asked = serving.requests(serving.REFERENCE)
    taken: dict[str, list[serving.Turn]] = {kind: [] for kind in running}
    for _ in range(5):
        for kind, one in running.items():
            taken[kind].append(asyncio.run(serving.turn(one.port, one.worker, asked, 16, seconds / 10)))
    return taken


def with_exposures() -> Any:
    """Make the application as it is."""
    return serving.asgi()


def without_exposures() -> Any:
    """Make the application with a log that takes every exposure and writes none."""
    from recsys.api import exposures  # noqa: PLC0415  only this process is changed

    async def log(*_: Any) -> bool:
        return True

    exposures.log = log
    exposures.exposure = lambda *_: None
    return serving.asgi()
