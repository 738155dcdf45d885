"""What is left of serving at five times its capacity: p99 of what is accepted, and how the rest is refused.

    python benchmarks/overload.py [--json FILE] [--seconds 60] [--factor 5]

One worker over the catalogue of benchmarks/ranking.py, without a database (see benchmarks/serving.py), and an
open loop: requests leave at their times whether or not earlier ones are answered, spread over many connections.
Capacity is what the worker answers to a closed loop of 16 connections in the same run. Latency counts from the time at
which a request was due, so a client that can not keep up counts against the service.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from measured.record import keep
from serving import REFERENCE, Running, requests, service, turn

CONNECTIONS = 256
UNLOADED_SHARE = 0.1
REST_SECONDS = 1.0


@dataclass
class Seen:
    """What came back."""

    accepted: list[float] = field(default_factory=list)
    """Seconds from when a request was due to its answer, of those with 200."""
    refused: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def note(self, status: int, seconds: float) -> None:
        """Count one answer."""
        self.statuses[status] += 1
        (self.accepted if status == 200 else self.refused).append(seconds)  # noqa: PLR2004  HTTP

    def figures(self) -> dict[str, Any]:
        """Sum up."""
        return {
            "statuses": dict(self.statuses),
            "accepted_p50_ms": percentile(self.accepted, 50),
            "accepted_p99_ms": percentile(self.accepted, 99),
            "refused_p99_ms": percentile(self.refused, 99),
        }


def percentile(seconds: list[float], share: float) -> float | None:
    """Return a percentile in milliseconds; None of nothing."""
    return round(float(np.percentile(seconds, share)) * 1000, 2) if seconds else None


class Sender(asyncio.Protocol):
    """One connection: writes when it is told to, and matches answers to what was due, in order."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._due: list[float] = []
        self._data = b""

    def connection_made(self, transport: Any) -> None:
        """Keep the way out."""
        self.transport = transport

    def send(self, request: bytes, due: float) -> None:
        """Write one request, whatever is still unanswered."""
        self._due.append(due)
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take whole answers off the wire."""
        self._data += data
        while True:
            head, separator, rest = self._data.partition(b"\r\n\r\n")
            if not separator:
                return
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            if len(rest) < length:
                return
            self._data = rest[length:]
            self._seen.note(int(head[9:12]), time.perf_counter() - self._due.pop(0))

    @property
    def idle(self) -> bool:
        """Whether everything is answered."""
        return not self._due


async def drive(port: int, requests: list[bytes], rate: float, seconds: float) -> Seen:
    """Send *rate* requests a second for *seconds*; those that find no idle connection wait, and that counts."""
    seen, loop = Seen(), asyncio.get_running_loop()
    opened = [await loop.create_connection(lambda: Sender(seen), "127.0.0.1", port) for _ in range(CONNECTIONS)]
    senders = [sender for _, sender in opened]
    began, sent = time.perf_counter(), 0
    while (now := time.perf_counter() - began) < seconds:
        while sent < now * rate:
            sender = senders[sent % CONNECTIONS]
            if sender.idle:
                sender.send(requests[sent % len(requests)], began + sent / rate)
            else:
                seen.statuses[0] += 1  # a request that its connection could not send: the client's own bound
            sent += 1
        await asyncio.sleep(0.001)
    while not all(sender.idle for sender in senders):  # noqa: ASYNC110  nobody else would tell
        await asyncio.sleep(0.01)
    for transport, _ in opened:
        transport.abort()
    return seen


def memory_mib(pid: int) -> float:
    """Read what a process holds in memory."""
    text = Path(f"/proc/{pid}/status").read_text()
    return round(int(text.partition("VmRSS:")[2].split()[0]) / 1024, 1)


def measure(running: Running, factor: float, seconds: float) -> dict[str, Any]:
    """Measure capacity, the unloaded service, the overloaded one, and the service a second later."""
    port, pid, asked = running.port, running.worker, requests(REFERENCE)
    capacity = asyncio.run(turn(port, pid, asked, 16, 3.0)).rate
    unloaded = asyncio.run(drive(port, asked, capacity * UNLOADED_SHARE, min(seconds, 10.0)))
    before = memory_mib(pid)
    loaded = asyncio.run(drive(port, asked, capacity * factor, seconds))
    after = memory_mib(pid)
    time.sleep(REST_SECONDS)
    rested = asyncio.run(drive(port, asked, capacity * UNLOADED_SHARE, 3.0))
    return {
        "capacity_per_second": round(capacity),
        "unloaded": unloaded.figures(),
        "overloaded": loaded.figures() | {"accepted_per_second": round(len(loaded.accepted) / seconds)},
        "a_second_later": rested.figures(),
        "memory_mib": [before, after],
    }


def main() -> None:
    """Print the figures, and write them as JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--factor", type=float, default=5.0)
    options = parser.parse_args()
    with service() as running:
        figures = measure(running, options.factor, options.seconds)
    print(json.dumps(figures, indent=2))
    if options.json:
        keep(options.json, "overload", figures)


if __name__ == "__main__":
    main()
