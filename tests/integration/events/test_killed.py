"""A writer that is killed while it writes: what it acknowledged lands, once."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

_WRITER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from recsys.events.interaction import Interaction
from recsys.events.records import Kind, encode
from recsys.events.spool import Spool

async def main(root, prefix):
    async with Spool(Path(root)) as spool:
        async def client(name):
            number = 0
            while True:
                event_id = f"{prefix}-{name}-{number}"
                now = datetime.now(UTC)
                record = Interaction(event_id=event_id, tenant_id=UUID(int=1), occurred_at=now, received_at=now,
                                     seq=number, event_type="view", item_id="a")
                if name % 2:
                    assert spool.append(Kind.INTERACTION, encode(record)) and await spool.written()
                else:
                    spool.append_batch(Kind.INTERACTION, [encode(record)])
                    await spool.synced()
                sys.stdout.write(event_id + "\\n")
                number += 1
        async def tell():
            while True:
                sys.stdout.flush()
                await asyncio.sleep(0.001)
        await asyncio.gather(tell(), *map(client, range(8)))

asyncio.run(main(*sys.argv[1:]))
"""
ROUNDS = 4
ENOUGH = 500


def test_what_was_acknowledged_before_a_kill_is_in_the_database_once(desk: Any) -> None:
    """Rounds of SIGKILL in the middle of writing, drains between them: no acknowledged event is lost or doubled."""
    acknowledged: set[str] = set()
    for number in range(ROUNDS):
        command = [sys.executable, "-c", _WRITER, str(desk.root), f"round{number}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            told = [writer.stdout.readline().strip() for _ in range(ENOUGH)]
            desk.drain()  # while it writes
            writer.kill()
            rest = writer.stdout.read()
        acknowledged.update(told, rest.split("\n")[:-1])
    desk.drain()

    landed = desk.event_ids()
    assert len(acknowledged) >= ROUNDS * ENOUGH
    assert len(landed) == len(set(landed))
    assert acknowledged <= set(landed)
