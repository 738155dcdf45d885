"""The database away under load, and a disk that fills up."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from durable.load import Acknowledged, Connection, account, holds, paced, percentile, report, visit
from durable.stage import Postgres, Service, eventually, stage

RATE = 500.0
SHORT_RATE = 20.0
JUDGED_SECONDS = 20.0
"""Below this the rate is one that a busy machine carries too, and latencies are not judged."""
ACCEPTED = 202
UNLOGGED = 200


def database_away(seconds: float) -> dict[str, Any]:
    """Stop Postgres for *seconds* under 500 lists a second; the load goes on while the backlog is drained."""
    normal, judged = min(seconds, 20.0), seconds >= JUDGED_SECONDS
    rate = RATE if judged else SHORT_RATE

    async def play(postgres: Postgres, service: Service, known: Acknowledged) -> tuple[float, float, float]:
        stop = asyncio.Event()
        load = asyncio.create_task(paced(service.port, known, rate, stop))
        await asyncio.sleep(normal + 2)
        away = time.monotonic()
        await asyncio.to_thread(postgres.stop)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(postgres.start)
        back = time.monotonic()
        at_return = len(known.lists)
        query = "select count(*) from exposure_events"
        while await asyncio.to_thread(postgres.one, query) < at_return:  # noqa: ASYNC110  only the database knows
            await asyncio.sleep(0.2)
        caught_up = time.monotonic()
        stop.set()
        await load
        return away, back, caught_up

    with stage() as (postgres, service):
        service.start()
        known = Acknowledged()
        away, back, caught_up = asyncio.run(play(postgres, service, known))
        lag = _lag(service)
        counted = account(postgres, known)
    before = [took for due, took in known.milliseconds if away - normal <= due < away]
    during = [took for due, took in known.milliseconds if away <= due < back]
    p99 = percentile(before, 0.99), percentile(during, 0.99)
    return {
        "seconds away": round(back - away, 1),
        "lists a second": rate,
        "p99 before, ms": p99[0],
        "p99 while away, ms": p99[1],
        "ratio of p99": round(p99[1] / (p99[0] or 1), 2),
        "p50 before and while away, ms": [percentile(before, 0.5), percentile(during, 0.5)],
        "caught up after, s, with the load going on": round(caught_up - back, 1),
        "lists refused before and while away, by reason": {
            why: [sum(due < away for due in dues), sum(away <= due < back for due in dues)]
            for why, dues in known.reasons.items()
        },
        **lag,
        **counted,
        "holds": holds(counted)
        and not known.failed_lists
        and not known.broken
        and (not judged or p99[1] <= 2 * p99[0]),
    }


def _lag(service: Service) -> dict[str, Any]:
    """Say how late the event loop was, from its histogram."""
    found = service.metrics()
    count = found["recsys_event_loop_lag_seconds_count"]
    late = {bound: count - found[f'recsys_event_loop_lag_seconds_bucket{{le="{bound}"}}'] for bound in ("0.01", "0.05")}
    return {f"share of looks at the loop later than {bound} s": round(n / count, 5) for bound, n in late.items()}


def disk_full(size_mib: float) -> dict[str, Any]:
    """Run on a tmpfs of so many MiB that fills up, in a mount namespace of its own (needs root)."""
    if os.geteuid() != 0:
        return {"skipped": "a tmpfs can be mounted by root only"}
    script = 'mount -t tmpfs -o size="$1"m tmpfs /mnt && exec "$2" "$3" _on_small_disk'
    main = str(Path(__file__).parents[1] / "durability.py")
    command = ["unshare", "-m", "sh", "-ec", script, "sh", str(int(size_mib)), sys.executable, main]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603  ourselves
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def on_small_disk() -> dict[str, Any]:
    """Fill the tmpfs at /mnt with the database away, go on, bring the database back, and count."""

    async def fill(service: Service, known: Acknowledged) -> None:
        connection = Connection(service.port)
        while await report(connection, known, 1000) in {0, 202}:
            pass
        while known.unlogged < UNLOGGED:  # a list is small: some still fit
            await visit(connection, known)
        connection.close()

    async def again(service: Service, known: Acknowledged) -> int:
        connection = Connection(service.port)
        status = await report(connection, known, 1000)
        connection.close()
        return status

    with stage(data_dir="/mnt/data", spool_keep_seconds=0) as (postgres, service):
        service.start()
        known = Acknowledged()
        postgres.stop()
        asyncio.run(fill(service, known))
        accepted, unlogged = len(known.events), known.unlogged
        alive = [pid for pid, command in service.processes().items() if command]
        postgres.start()
        eventually(lambda: asyncio.run(again(service, known)) == ACCEPTED, 120, "interactions are accepted again")
        counted = account(postgres, known)
    refusals = {str(status): times for status, times in known.refused.items()}
    return {
        "interactions accepted until it was full": accepted,
        "answers that refused interactions, by status": refusals,
        "lists served without their exposure": unlogged,
        "processes that lived on": len(alive),
        **counted,
        "holds": holds(counted) and unlogged > 0 and set(refusals) == {"503"} and not known.broken,
    }
