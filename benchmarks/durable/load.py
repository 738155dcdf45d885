"""A load that remembers what was acknowledged, and the count of what of it is in the database."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from durable.stage import Postgres

BATCH = 20
_names = itertools.count(1)


@dataclass
class Acknowledged:
    """What the service has promised, and what it could not do."""

    lists: set[str] = field(default_factory=set)
    """Request ids of lists that were answered without EXPOSURE_NOT_LOGGED."""
    unlogged: int = 0
    events: set[str] = field(default_factory=set)
    """Ids of interactions that were accepted."""
    refused: dict[int, int] = field(default_factory=dict)
    """Answers by status that were neither 200 nor 202."""
    failed_lists: int = 0
    reasons: dict[str, list[float]] = field(default_factory=dict)
    """When lists that were refused were due, by what the refusal said."""
    broken: int = 0
    """Requests without an answer: their connection broke."""
    milliseconds: list[tuple[float, float]] = field(default_factory=list)
    """When each list was due, and how long after that it was there."""


class Connection:
    """One connection that is opened anew whenever it breaks."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes, request_id: str) -> tuple[int, bytes]:
        """Send one request; OSError or EOFError when there is no answer.

        A connection that was used before may have been closed for its idleness: then it is sent once more.
        """
        if self._streams is not None:
            try:
                return await self._send(path, body, request_id)
            except (OSError, EOFError):
                pass
        return await self._send(path, body, request_id)

    async def _send(self, path: str, body: bytes, request_id: str) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Org-Id: shop\r\n"
        head += f"X-Request-Id: {request_id}\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            return int(answer.split(b" ", 2)[1]), await reader.readexactly(length)
        except (OSError, EOFError):
            self.close()
            raise

    def close(self) -> None:
        """Break it off."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def events(count: int) -> tuple[list[str], bytes]:
    """Make a batch of interactions whose ids and times are fixed."""
    names = [f"e{next(_names)}" for _ in range(count)]
    now = datetime.now(UTC).isoformat()
    event = {"event_type": "click", "item_id": "item-1", "surface": "home", "occurred_at": now}
    sent = [event | {"event_id": name, "user": {"user_id": f"user-{name}"}} for name in names]
    return names, json.dumps({"events": sent}).encode()


async def visit(connection: Connection, known: Acknowledged, due: float | None = None) -> None:
    """Ask for one list, as somebody of 300 visitors."""
    number = next(_names)
    name = f"r{number}"
    body = json.dumps({"surface": "home", "k": 10, "user": {"user_id": f"user-{number % 300}"}}).encode()
    due = time.monotonic() if due is None else due
    try:
        status, answer = await connection.post("/v1/recommend", body, name)
    except (OSError, EOFError):
        known.broken += 1
        return
    known.milliseconds.append((due, (time.monotonic() - due) * 1000))
    if status != 200:  # noqa: PLR2004  HTTP's own number
        known.failed_lists += 1
        known.refused[status] = known.refused.get(status, 0) + 1
        why = f"{json.loads(answer)['detail']}"
        known.reasons.setdefault(why, []).append(due)
    elif b"EXPOSURE_NOT_LOGGED" in answer:
        known.unlogged += 1
    else:
        known.lists.add(name)


async def report(connection: Connection, known: Acknowledged, count: int = BATCH) -> int:
    """Send one batch of interactions; return the status, 0 without an answer."""
    names, body = events(count)
    try:
        status, _ = await connection.post("/v1/interactions", body, f"b{next(_names)}")
    except (OSError, EOFError):
        known.broken += 1
        return 0
    if status == 202:  # noqa: PLR2004  HTTP's own number
        known.events.update(names)
    else:
        known.refused[status] = known.refused.get(status, 0) + 1
    return status


async def busy(port: int, known: Acknowledged, stop: asyncio.Event, connections: int = 8) -> None:
    """Keep some connections busy until *stop*: nine lists, then a batch of interactions, and again."""

    async def one() -> None:
        connection = Connection(port)
        for number in itertools.count():
            if stop.is_set():
                break
            before = known.broken
            await (report(connection, known) if number % 10 == 9 else visit(connection, known))  # noqa: PLR2004  of ten
            if known.broken > before:
                await asyncio.sleep(0.05)
        connection.close()

    await asyncio.gather(*(one() for _ in range(connections)))


async def paced(port: int, known: Acknowledged, rate: float, stop: asyncio.Event) -> None:
    """Ask for lists at a fixed rate, whether or not the ones before are answered: an open loop."""
    idle: list[Connection] = []
    running: set[asyncio.Task[None]] = set()

    async def one(due: float) -> None:
        connection = idle.pop() if idle else Connection(port)
        await visit(connection, known, due)
        idle.append(connection)

    began, sent = time.monotonic(), 0
    while not stop.is_set():
        due = began + sent / rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        task = asyncio.create_task(one(due))
        running.add(task)
        task.add_done_callback(running.discard)
        sent += 1
    await asyncio.gather(*running)
    for connection in idle:
        connection.close()


def percentile(values: list[float], share: float) -> float:
    """Return the value below which *share* of them lie."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2) if ordered else 0.0


def account(postgres: Postgres, known: Acknowledged, seconds: float = 120) -> dict[str, Any]:
    """Wait until everything acknowledged is in the database, and count what is missing and what is there twice."""
    began = time.monotonic()

    def missing() -> tuple[set[str], set[str]]:
        with postgres.connect() as conn:
            lists = {name for (name,) in conn.execute("select request_id from exposure_events")}
            done = {name for (name,) in conn.execute("select event_id from interaction_events")}
        return known.lists - lists, known.events - done

    deadline = began + seconds
    while any(missing()) and time.monotonic() < deadline:
        time.sleep(0.5)
    took = time.monotonic() - began
    lost_lists, lost_events = missing()
    doubled = "select coalesce(sum(times - 1), 0)::int from (select count(*) as times from {} group by {}) as each"
    return {
        "acknowledged lists": len(known.lists),
        "acknowledged interactions": len(known.events),
        "lists lost": len(lost_lists),
        "interactions lost": len(lost_events),
        "lists doubled": postgres.one(doubled.format("exposure_events", "request_id")),
        "interactions doubled": postgres.one(doubled.format("interaction_events", "event_id")),
        "requests without an answer": known.broken,
        "lists refused": known.failed_lists,
        "seconds until all had landed": round(took, 1),
    }


def holds(account: dict[str, Any]) -> bool:
    """Whether nothing acknowledged is lost or doubled, and something was acknowledged at all."""
    wrong = ("lists lost", "interactions lost", "lists doubled", "interactions doubled")
    return not any(account[name] for name in wrong) and account["acknowledged lists"] > 0
