"""How long a visitor's click takes to shape the same visitor's next list, on its own host and on another.

    python benchmarks/clicks.py [--json FILE] [--clicks 60] [--quick]

Two services with two workers each on one Postgres, each with a spool of its own. Every visitor's history is in memory
on every worker before the click. Then both hosts are asked ten times a second over several connections, and the time
counts until the last of a host's connections shows the item that goes with the clicked one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from durable.load import Connection
from durable.stage import Service, stage
from measured.record import keep

CONNECTIONS = 4
"""To each host; enough that both of its workers have some, nearly always."""
TOGETHER = 5
"""Visitors that click at about the same time."""
LOOK_SECONDS = 0.1
LIMIT_SECONDS = 30.0
CLICKED, NEIGHBOR = "item-2", "item-1"
PAIR = """
    insert into item_covisit_daily (tenant_id, namespace, item_id, neighbor_id, day, score)
    select id, 'home', 'item-2', 'item-1', current_date, 50 from tenants
"""


async def shows(connection: Connection, visitor: str) -> bool:
    """Whether the neighbour of what is clicked is in a visitor's list, which popularity alone does not bring there."""
    body = json.dumps({"surface": "home", "k": 10, "user": {"user_id": visitor}}).encode()
    deadline = time.monotonic() + LIMIT_SECONDS
    status, answer = await connection.post("/v1/recommend", body, visitor)
    while status == 503 and time.monotonic() < deadline:  # noqa: PLR2004  a worker that has not loaded its snapshot yet
        await asyncio.sleep(LOOK_SECONDS)
        status, answer = await connection.post("/v1/recommend", body, visitor)
    if status != 200:  # noqa: PLR2004  HTTP's own number
        raise SystemExit(f"a list was refused: {answer.decode()}")
    return any(item["item_id"] == NEIGHBOR for item in json.loads(answer)["items"])


async def until_shown(connection: Connection, visitor: str) -> float:
    """Ask again and again; return when the neighbour was there."""
    began = time.monotonic()
    while not await shows(connection, visitor):
        if time.monotonic() - began > LIMIT_SECONDS:
            raise SystemExit(f"a click is not followed within {LIMIT_SECONDS:.0f} s")
        await asyncio.sleep(LOOK_SECONDS)
    return time.monotonic()


async def click(ports: list[int], visitor: str) -> list[float]:
    """Click on the first host; return the seconds until each of the hosts has followed."""
    hosts = [[Connection(port) for _ in range(CONNECTIONS)] for port in ports]
    for connection in [each for host in hosts for each in host]:
        if await shows(connection, visitor):
            raise SystemExit("the neighbour is there before the click")
    event = {"event_type": "click", "item_id": CLICKED, "surface": "home", "user": {"user_id": visitor}}
    status, answer = await hosts[0][0].post("/v1/interactions", json.dumps({"events": [event]}).encode(), visitor)
    if status != 202:  # noqa: PLR2004  HTTP's own number
        raise SystemExit(f"a click was refused: {answer.decode()}")
    clicked = time.monotonic()
    seen = await asyncio.gather(*(until_shown(each, visitor) for host in hosts for each in host))
    for connection in [each for host in hosts for each in host]:
        connection.close()
    return [max(seen[at : at + CONNECTIONS]) - clicked for at in range(0, len(seen), CONNECTIONS)]


async def clicks(ports: list[int], count: int) -> list[list[float]]:
    """Let *count* visitors click, some together."""
    waiting = asyncio.Semaphore(TOGETHER)

    async def one(number: int) -> list[float]:
        async with waiting:
            return await click(ports, f"visitor-{number}")

    return list(await asyncio.gather(*map(one, range(count))))


def measure(count: int) -> dict[str, Any]:
    """Start both hosts, click, sum up."""
    with stage(workers=2) as (postgres, first):
        with postgres.connect() as conn:
            conn.execute(PAIR)
        second = Service(postgres, first.data.with_name("second"), first.data.with_name("log2"), workers=2)
        try:
            first.start()
            second.start()
            took = np.array(asyncio.run(clicks([first.port, second.port], count)))
        finally:
            second.kill()
    return {
        name: {
            "clicks": count,
            "p50_s": round(float(np.quantile(seconds, 0.5)), 2),
            "p99_s": round(float(np.quantile(seconds, 0.99)), 2),
            "max_s": round(float(seconds.max()), 2),
        }
        for name, seconds in zip(("same_host", "other_host"), took.T, strict=True)
    }


def main() -> None:
    """Print the figures, and write them as JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--clicks", type=int, default=60)
    parser.add_argument("--quick", action="store_true", help="five clicks")
    options = parser.parse_args()
    found = measure(TOGETHER if options.quick else options.clicks)
    print(json.dumps(found, indent=2))
    if options.json:
        keep(options.json, "clicks", found, quick=options.quick)


if __name__ == "__main__":
    main()
