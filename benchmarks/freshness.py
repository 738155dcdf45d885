"""How long plain SQL takes to be served at 100,000 items, and what serving feels of it.

    python benchmarks/freshness.py [--json FILE] [--items 100000] [--rounds 20] [--quick]

One service with two workers on a Postgres of its own. A round upserts 1 or 1,000 rows of one signal table in one
statement; time counts from its commit until the last of four connections, which both workers share, shows what only
the new rows can bring to the top. Rows of co-visitation belong to as many items as there are rows. Then 100,000 rows
of popularity are written in one statement, and in 100,000 (without waiting for the disk), while 300 lists a second are
asked in an open loop; afterwards `recsys signals status --verify` must find nothing. Last, the namespace remembers
sessions, and time counts from an accepted event until the list of another visitor shows it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psycopg
from durable.load import Connection
from durable.stage import Postgres, Service, stage
from measured.record import keep
from overload import Seen, drive, percentile
from snapshot_load import COVISITATION, POPULARITY, STEP, TAGS

CONNECTIONS = 4
"""Enough that both workers have some, nearly always."""
LOOK_SECONDS = 0.02
LIMIT_SECONDS = 60.0
RATE, K = 300.0, 20
SESSIONS = 10

POPULAR = """
    insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)
    select %(tenant)s, 'bench', 'item-' || lpad(((%(round)s * 7919 + n * 89) %% %(items)s)::text, 8, '0'), current_date,
        case n when 0 then 1e6 * (1 + %(round)s) else 1 + %(round)s end
    from generate_series(0, %(rows)s - 1) as n
    on conflict (tenant_id, namespace, item_id, day) do update set score = excluded.score
"""
TAGGED = """
    insert into item_tags (tenant_id, namespace, item_id, tags)
    select %(tenant)s, 'bench', 'item-' || lpad(((%(round)s * 7919 + n * 89) %% %(items)s)::text, 8, '0'),
        array['category:1', 'round:' || %(round)s]
    from generate_series(0, %(rows)s - 1) as n
    on conflict (tenant_id, namespace, item_id) do update set tags = excluded.tags
"""
MET = """
    insert into item_covisit_daily (tenant_id, namespace, item_id, neighbor_id, day, score)
    select %(tenant)s, 'bench', 'item-' || lpad(((%(round)s * 7919 + n * 89) %% %(items)s)::text, 8, '0'),
        'item-' || lpad(((%(round)s * 7919 + n * 89 + 1 + %(round)s) %% %(items)s)::text, 8, '0'), current_date, 500
    from generate_series(0, %(rows)s - 1) as n
    on conflict (tenant_id, namespace, item_id, neighbor_id, day) do update set score = item_covisit_daily.score + 500
"""
ALL = """
    update item_popularity_daily set score = score + 1 where tenant_id = %(tenant)s and namespace = 'bench'
"""
EACH = """
    do $$
    begin
        for number in 0 .. current_setting('bench.statements')::int - 1 loop
            update item_popularity_daily set score = score + 1
            where tenant_id = current_setting('bench.tenant')::uuid and namespace = 'bench'
                and item_id = 'item-' || lpad((number % current_setting('bench.items')::int)::text, 8, '0');
            commit;
        end loop;
    end
    $$
"""
"""Transactions of one statement each, without a client that takes its time between them."""


class Signal(NamedTuple):
    """One signal table: the statement of a round, and the request whose list shows that it is served."""

    statement: str
    path: str
    body: Callable[[int, int], dict[str, Any]]
    """Of the round and the number of items."""
    first: Callable[[int, int], str]


def item(number: int) -> str:
    """Name an item as the generator of benchmarks/snapshot_load.py does."""
    return f"item-{number:08}"


SIGNALS = {
    "popularity": Signal(
        POPULAR, "/v1/recommend", lambda _, __: {"surface": "bench", "k": 1}, lambda r, n: item(r * 7919 % n)
    ),
    "tags": Signal(
        TAGGED,
        "/v1/recommend",
        lambda r, _: {"surface": "bench", "k": 1, "constraints": {"required_tags": [f"round:{r}"]}},
        lambda r, n: item(r * 7919 % n),
    ),
    "covisitation": Signal(
        MET,
        "/v1/similar",
        # What an earlier round made popular may share the tags of this one, and stand before the neighbour.
        lambda r, n: {"surface": "bench", "k": 3, "item_id": item(r * 7919 % n)},
        lambda r, n: item((r * 7919 + 1 + r) % n),
    ),
}


async def until(connection: Connection, path: str, body: dict[str, Any], holds: Callable[[list[str]], bool]) -> float:
    """Ask again and again; return when the list was as it should be."""
    request, began = json.dumps(body).encode(), time.monotonic()
    while time.monotonic() - began < LIMIT_SECONDS:
        status, answer = await connection.post(path, request, "fresh")
        if status == 200 and holds([one["item_id"] for one in json.loads(answer)["items"]]):  # noqa: PLR2004  HTTP
            return time.monotonic()
        await asyncio.sleep(LOOK_SECONDS)
    raise SystemExit(f"not served within {LIMIT_SECONDS:.0f} s: {body}")


async def until_all(port: int, path: str, body: dict[str, Any], holds: Callable[[list[str]], bool]) -> float:
    """Return when the last of several connections has seen it."""
    connections = [Connection(port) for _ in range(CONNECTIONS)]
    try:
        return max(await asyncio.gather(*(until(one, path, body, holds) for one in connections)))
    finally:
        for one in connections:
            one.close()


def upserts(conn: psycopg.Connection, port: int, about: dict[str, Any], rows: int, rounds: int) -> Iterator[float]:
    """Upsert *rows* rows of each table *rounds* times; give the seconds from each commit until it is served."""
    for number in range(rounds):
        for name, signal in SIGNALS.items():
            time.sleep(random.uniform(0.2, 0.6))
            at = number + (rounds if rows > 1 else 0) + 1
            conn.execute(signal.statement.encode(), about | {"round": at, "rows": rows})
            committed, first = time.monotonic(), signal.first(at, about["items"])
            served = asyncio.run(
                until_all(port, signal.path, signal.body(at, about["items"]), lambda ids, one=first: one in ids)
            )
            print(f"  {rows:5} rows of {name}: {served - committed:.3f} s", flush=True)
            yield served - committed


def summed(seconds: list[float]) -> dict[str, Any]:
    """Sum up some waits."""
    return {
        "rounds": len(seconds),
        "p50_s": round(float(np.quantile(seconds, 0.5)), 3),
        "p99_s": round(float(np.quantile(seconds, 0.99)), 3),
        "max_s": round(max(seconds), 3),
    }


def under_load(service: Service, about: dict[str, Any], write: Callable[[], object]) -> dict[str, Any]:
    """Write while lists are asked for; sum up both, and check what is served afterwards."""
    done = threading.Event()
    anchors = [[item((n * 977 + k * 31) % about["items"]) for k in range(10)] for n in range(200)]
    requests = [wire({"surface": "bench", "k": K, "anchors": {"item_ids": some}}) for some in anchors]
    seen: list[Seen] = []

    def ask() -> None:
        while not done.is_set():
            seen.append(asyncio.run(drive(service.port, requests, RATE, 2.0)))

    asking = threading.Thread(target=ask)
    asking.start()
    began = time.monotonic()
    try:
        write()
        written = time.monotonic()
        verify(service)
        served = time.monotonic()
    finally:
        done.set()
        asking.join()
    waits = [wait for one in seen for wait in one.accepted]
    figures = {
        "write_s": round(written - began, 2),
        "verified_after_s": round(served - written, 2),
        "lists": len(waits),
        "other_answers": sum(times for one in seen for status, times in one.statuses.items() if status != 200),  # noqa: PLR2004
        "p50_ms": percentile(waits, 50),
        "p99_ms": percentile(waits, 99),
        "max_ms": percentile(waits, 100),
    }
    print(f"  {figures}", flush=True)
    return figures


def verify(service: Service) -> None:
    """Wait until both workers serve what the database holds; SystemExit if they do not come to it."""
    try:
        service.recsys("signals", "status", "--tenant", "shop", "--verify")
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"what is served is wrong: {error.stdout}{error.stderr}") from error


def wire(body: dict[str, Any]) -> bytes:
    """Write one request for a list as it goes over the wire."""
    content = json.dumps(body).encode()
    head = "POST /v1/recommend HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nX-Org-Id: shop\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


async def session(port: int, number: int, items: int) -> float:
    """Take two items in one session; return the seconds until who has the first in the request is shown the second."""
    first, second = item(items - 1 - 2 * number), item(items - 2 - 2 * number)
    events = [
        {"event_type": "view", "item_id": one, "surface": "bench", "user": {"session_id": f"s-{number}"}}
        for one in (first, second)
    ]
    sender = Connection(port)
    status, answer = await sender.post("/v1/interactions", json.dumps({"events": events}).encode(), "session")
    sender.close()
    if status != 202:  # noqa: PLR2004  HTTP's own number
        raise SystemExit(f"events were refused: {answer.decode()}")
    accepted = time.monotonic()
    weights = {"pop": 0, "cooc": 0, "emb": 0, "session": 1}
    body = {"surface": "bench", "k": 3, "anchors": {"item_ids": [first]}, "weights": weights}
    return await until_all(port, "/v1/recommend", body, lambda ids: ids[:1] == [second]) - accepted


def sessions(service: Service, items: int, count: int) -> list[float]:
    """Let the namespace remember sessions, then take *count* of them at once."""
    folder = service.data / "config.json"
    folder.write_text('{"weights": {"session": 0.5}}')
    service.recsys("config", "put", "--tenant", "shop", str(folder))
    asyncio.run(session(service.port, count, items))  # until the namespace is loaded with its sessions
    return asyncio.run(together([session(service.port, number, items) for number in range(count)]))


async def together(waits: list[Coroutine[Any, Any, float]]) -> list[float]:
    """Wait for all of them."""
    return list(await asyncio.gather(*waits))


@contextmanager
def filled(items: int, neighbors: int) -> Iterator[tuple[Postgres, Service, dict[str, Any]]]:
    """Start a service on a namespace of *items* items."""
    with stage(workers=2) as (postgres, service):
        about = {"tenant": postgres.one("select id from tenants"), "items": items}
        with postgres.connect() as conn:
            for statement in (POPULARITY, TAGS):
                conn.execute(statement.encode(), about)
            for first in range(1, neighbors + 1, STEP):
                last = min(first + STEP - 1, neighbors)
                conn.execute(COVISITATION.encode(), about | {"first": first, "last": last})
            conn.execute("analyze")
        service.start()
        asyncio.run(until_all(service.port, "/v1/recommend", {"surface": "bench", "k": 1}, lambda ids: len(ids) == 1))
        yield postgres, service, about


def measure(items: int, neighbors: int, rounds: int, statements: int) -> dict[str, Any]:
    """Measure everything, one after the other."""
    with filled(items, neighbors) as (postgres, service, about), postgres.connect() as conn:
        figures: dict[str, Any] = {"items": items, "neighbor_rows": items * neighbors}
        for rows in (1, min(1000, items // 100)):
            waits = list(upserts(conn, service.port, about, rows, rounds))
            by_table = {name: summed(waits[at :: len(SIGNALS)]) for at, name in enumerate(SIGNALS)}
            figures[f"upsert_{rows}"] = summed(waits) | {"by_table": by_table}
        figures["one_statement"] = under_load(service, about, lambda: conn.execute(ALL.encode(), about))
        figures["many_statements"] = under_load(service, about, lambda: one_by_one(conn, about, statements))
        figures["sessions"] = summed(sessions(service, items, SESSIONS))
    return figures


def one_by_one(conn: psycopg.Connection, about: dict[str, Any], statements: int) -> None:
    """Write each item in a transaction of its own."""
    conn.execute("set synchronous_commit = off")
    for name, value in (about | {"statements": statements}).items():
        conn.execute("select set_config(%s, %s, false)", (f"bench.{name}", str(value)))
    conn.execute(EACH)


def main() -> None:
    """Print the figures, and write them as JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--neighbors", type=int, default=20, help="of each item")
    parser.add_argument("--rounds", type=int, default=20, help="upserts of each table, of each size")
    parser.add_argument("--statements", type=int, default=100_000)
    parser.add_argument("--quick", action="store_true", help="1,000 items, two rounds")
    options = parser.parse_args()
    if options.quick:
        options.items, options.rounds, options.statements = 1000, 2, 1000
    found = measure(options.items, options.neighbors, options.rounds, options.statements)
    print(json.dumps(found, indent=2))
    if options.json:
        keep(options.json, "freshness", found, quick=options.quick)


if __name__ == "__main__":
    main()
