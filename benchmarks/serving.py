"""What a recommendation costs over HTTP: against a constant body from the same server, in turns.

    python benchmarks/serving.py [--json FILE] [--seconds 3] [--rounds 3] [--connections 16] [--items 100000] [--quick]

One worker, one closed-loop client of a few connections on the other core. The catalogue is the one of
benchmarks/ranking.py (100,000 items, 50 neighbours), 10 anchors in the request, 20 rules, a cap, no history; every
answer waits for its exposure to be written to a real spool. There is no Postgres: serving does not ask it anything.
Beside this reference: the same with MMR, with session-kNN over 50,000 sessions, and without anchors, which is a list
that is everybody's and ranked once. CPU is that of the worker process per request, user and system: it is steadier than
throughput on a small machine. `benchmarks/query.py` has what a list costs as a query.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from measured.record import keep
from ranking import catalogue, queries
from session_knn import sessions

from recsys import logs
from recsys.api.app import Lifespan
from recsys.events.spool import Spool
from recsys.ranking import loops
from recsys.rules.parse import parse_rules
from recsys.runtime import Serving
from recsys.server.listening import listen
from recsys.server.workers import Workers
from recsys.settings import Settings
from recsys.snapshot.sessions import remember
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import parse_config
from recsys.tenancy.directory import TenantView
from recsys.tenancy.tenants import Tenant

_TICKS = os.sysconf("SC_CLK_TCK")


class Case(NamedTuple):
    """What is served and asked for: the reference load, unless said otherwise."""

    tenants: int = 10
    items: int = 100_000
    anchors: int = 10
    rules: int = 20
    """0, or at least 4: two pins, two blocks, boosts."""
    sessions: int = 0
    """What the session signal compares with."""
    own_catalogues: bool = False
    """Whether every tenant has a catalogue of its own; else they share one, which takes the memory of one."""


REFERENCE = Case()
SESSIONS = 50_000
SURFACES = {
    "home": {"namespace": "bench"},
    "diverse": {"namespace": "bench", "diversity": {"mmr_lambda": 0.7}},
    "sessions": {"namespace": "bench", "weights": {"session": 0.5}},
}


@dataclass(frozen=True)
class Loaded:
    """Tenants and snapshots that are in memory already."""

    tenants: dict[str, TenantView]
    snapshots: dict[UUID, Snapshot]

    def get(self, name: str) -> TenantView | None:
        """Find a tenant, as `Directory.get` does."""
        return self.tenants.get(name)

    def current(self, tenant_id: UUID, namespace: str, _params: Any) -> Snapshot:
        """Find a snapshot, as `Snapshots.current` does."""
        snapshot = self.snapshots[tenant_id]
        return snapshot if namespace == snapshot.namespace else replace(snapshot, tenant_id=tenant_id)

    def stale_since(self, _tenant_id: UUID, _namespace: str) -> None:
        """Be fresh, as far as `Snapshots.stale_since` knows."""

    @property
    def bytes(self) -> int:
        """Show nothing to the gauges."""
        return 0

    def states(self) -> list[Any]:
        """Show nothing to the gauges."""
        return []

    def views(self) -> list[Any]:
        """Show nothing to the gauges."""
        return []


class Away:
    """A database that nobody asks, and nobody who follows it."""

    failure = looked_at = None

    def connections(self) -> dict[str, int]:
        """Have none."""
        return {}


@asynccontextmanager
async def loaded() -> AsyncIterator[Serving]:
    """Open what a worker has open, without a database."""
    settings = Settings(dev_mode=True, data_dir=Path(os.environ["BENCH_FOLDER"]), log_level="error")
    logs.configure(settings)
    loops.load(settings.data_dir / "compiled")
    case = Case(**json.loads(os.environ["BENCH_CASE"]))
    own = case.tenants if case.own_catalogues else 1
    shops = [shop(case, np.random.default_rng(7 + number)) for number in range(own)]
    views = [view(number, shops[number % own], case.rules) for number in range(case.tenants)]
    parts = Loaded(
        {view.tenant.external_id: view for view in views},
        {view.tenant.id: shops[number % own] for number, view in enumerate(views)},
    )
    async with Spool.open(settings.data_dir / "spool", settings) as spool:
        yield Serving(settings, Away(), parts, parts, spool, b"secret", None, Away())  # type: ignore[arg-type]  # memory only


def shop(case: Case, rng: np.random.Generator) -> Snapshot:
    """Make a catalogue, and the sessions in which its items were met."""
    made = catalogue(case.items, rng)
    held = (remember(sessions(case.sessions, case.items, rng), case.items),) if case.sessions else ()
    return replace(made, sessions=held)


def view(number: int, shop: Snapshot, count: int) -> TenantView:
    """Make a tenant with a cap and so many rules."""
    now = datetime.now(UTC)
    drawn = np.random.default_rng(number).integers(len(shop.tags), size=max(count - 4, 0)).tolist()
    rules: list[dict[str, Any]] = [
        {"id": f"r{n}", "action": "boost", "target_type": "tag", "target_key": shop.tags.ids[tag], "boost_value": 0.2}
        for n, tag in enumerate(drawn)
    ]
    for n in range(2 if count else 0):
        rules.append({"id": f"p{n}", "action": "pin", "item_ids": [shop.items.ids[n * 31]]})
        rules.append({"id": f"b{n}", "action": "block", "item_ids": [shop.items.ids[n * 17]]})
    config = {"caps": {"brand:": 3}, "personalization": {"weight": 0}, "surfaces": SURFACES}
    tenant = Tenant(UUID(int=number + 1), f"tenant-{number}", "bench", "active", now, now)
    return TenantView(
        tenant, parse_config(json.dumps(config).encode()), "c" * 64, parse_rules(json.dumps(rules).encode()), "r" * 64
    )


class Benched(Lifespan):
    """The application, with a constant body of any size and the worker's process id beside it."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer."""
        path = scope.get("path", "")
        if path.startswith("/constant/"):
            body = b"x" * int(path.rpartition("/")[2])
        elif path == "/pid":
            body = str(os.getpid()).encode()
        else:
            await super().__call__(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def asgi() -> Benched:
    """Make the application of a worker."""
    return Benched(loaded)


class Turn(NamedTuple):
    """What one turn measured."""

    rate: float
    """Requests per second."""
    cpu_us: float
    """CPU of the worker per request."""


class Client(asyncio.Protocol):
    """Sends the next request when the last is answered, over one connection."""

    def __init__(self, requests: list[bytes], first: int) -> None:
        self._requests, self._next = requests, first
        self.answered = 0
        self._missing = 0
        self._head = b""

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._transport.write(self._requests[self._next % len(self._requests)])
        self._next += 1

    def data_received(self, data: bytes) -> None:
        """Count a whole answer; refuse one that is not 200."""
        if self._missing:
            self._missing -= len(data)
        else:
            self._head += data
            head, separator, rest = self._head.partition(b"\r\n\r\n")
            if not separator:
                return
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(self._head.decode())
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            self._missing, self._head = length - len(rest), b""
        if self._missing == 0:
            self.answered += 1
            self._send()


def wire(path: str, body: bytes, tenant: int) -> bytes:
    """Write one request as it goes over the wire."""
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nX-Org-Id: tenant-{tenant}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def bodies(case: Case = REFERENCE, surface: str = "home") -> list[bytes]:
    """Make 200 requests with anchors that are drawn like visits."""
    shop = catalogue(case.items, np.random.default_rng(7))
    asked = queries(shop, case.anchors, np.random.default_rng(8))
    return [
        json.dumps({"surface": surface, "k": 20, "anchors": {"item_ids": query.anchors}}).encode() for query in asked
    ]


def cpu_seconds(pid: int) -> float:
    """Read the CPU time that a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def turn(port: int, pid: int, requests: list[bytes], connections: int, seconds: float) -> Turn:
    """Drive the server for *seconds*, after a tenth of that to warm up."""
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda first=first: Client(requests, first * 7), "127.0.0.1", port)
        for first in range(connections)
    ]
    await asyncio.sleep(seconds / 10)
    before, cpu, began = sum(client.answered for _, client in opened), cpu_seconds(pid), time.perf_counter()
    await asyncio.sleep(seconds)
    answered = sum(client.answered for _, client in opened) - before
    measured = Turn(answered / (time.perf_counter() - began), (cpu_seconds(pid) - cpu) / max(answered, 1) * 1e6)
    for transport, _ in opened:
        transport.abort()
    return measured


def ask(port: int, request: bytes) -> bytes:
    """Send one request and return its body."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        data = b""
        while part := connection.recv(65536):
            data += part
    return data.partition(b"\r\n\r\n")[2]


def requests(case: Case, surface: str = "home") -> list[bytes]:
    """Make requests of all tenants, in turns."""
    return [wire("/v1/recommend", body, number % case.tenants) for number, body in enumerate(bodies(case, surface))]


def measure(running: Running, case: Case, rounds: int, seconds: float, connections: int) -> dict[str, dict[str, float]]:
    """Take turns between a constant body and recommendations; medians."""
    port, pid = running.port, running.worker
    asked = requests(case)
    size = len(ask(port, asked[0]))
    kinds = {
        f"constant body of {size} bytes": [wire(f"/constant/{size}", b"{}", 0)],
        "/v1/recommend": asked,
        "with MMR": requests(case, "diverse"),
        "with session-kNN": requests(case, "sessions"),
        "without anchors": requests(case._replace(anchors=0)),
    }
    turns: dict[str, list[Turn]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind, sent in kinds.items():
            turns[kind].append(asyncio.run(turn(port, pid, sent, connections, seconds)))
    return {
        kind: {
            "requests_per_second": round(statistics.median(one.rate for one in taken)),
            "cpu_us": round(statistics.median(one.cpu_us for one in taken), 1),
        }
        for kind, taken in turns.items()
    }


class Running(NamedTuple):
    """A service that answers."""

    port: int
    process: subprocess.Popen[bytes]
    folder: Path
    """Its data folder."""

    @property
    def worker(self) -> int:
        """The process id of its worker, or of one of them."""
        return int(ask(self.port, wire("/pid", b"", 0)))


@contextmanager
def service(case: Case = REFERENCE, workers: int = 1, application: str = "serving:asgi") -> Iterator[Running]:
    """Run the workers of `recsys serve` on an application of these benchmarks until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        process = _start(port, folder, case, workers, application)
        try:
            _wait(port)
            yield Running(port, process, Path(folder))
        finally:
            process.terminate()
            process.wait()


def _start(port: int, folder: str, case: Case, workers: int, application: str) -> subprocess.Popen[bytes]:
    """Start the server."""
    command = [sys.executable, "-c", f"from serving import host; host({application!r}, {port}, {workers}, {folder!r})"]
    environ = os.environ | {"BENCH_FOLDER": folder, "BENCH_CASE": json.dumps(case._asdict())}
    environ["PYTHONPATH"] = f"{Path(__file__).parent}:{environ.get('PYTHONPATH', '')}"
    return subprocess.Popen(command, env=environ)  # noqa: S603  this file, by this Python


def host(application: str, port: int, workers: int, folder: str) -> None:
    """Serve as `recsys serve` does; nobody looks for stuck workers, for these applications have no heartbeat."""
    Workers(application, listen("127.0.0.1", port), workers, Path(folder), math.inf).serve()


def _wait(port: int) -> None:
    """Wait until the worker has made its catalogue."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            if ask(port, wire("/pid", b"", 0)):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError


def main() -> None:
    """Print the figures, and write them as JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--items", type=int, default=REFERENCE.items)
    parser.add_argument("--quick", action="store_true", help="one short turn of each over few items")
    options = parser.parse_args()
    case = REFERENCE._replace(items=options.items, sessions=SESSIONS)
    if options.quick:
        case, options.rounds, options.seconds = case._replace(items=1_000, sessions=1_000), 1, 0.3
    with service(case) as running:
        figures = measure(running, case, options.rounds, options.seconds, options.connections)
    constant = next(iter(figures.values()))["requests_per_second"]
    for kind, figure in figures.items():
        figure["ratio"] = round(figure["requests_per_second"] / constant, 4)
        print(
            f"{kind:32s} {figure['requests_per_second']:8.0f} requests/s   {figure['cpu_us']:8.1f} us CPU each"
            f"   ratio {figure['ratio']:.3f}"
        )
    if options.json:
        found = {**figures, "ratio": figures["/v1/recommend"]["ratio"]}
        keep(options.json, "serving", found, quick=options.quick)


if __name__ == "__main__":
    main()
