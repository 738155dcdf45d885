"""SIGKILL under load, again and again, and a count afterwards; folders and databases that go back in time."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Callable
from typing import Any

from durable.load import Acknowledged, account, busy, holds
from durable.stage import Postgres, Service, eventually, stage

_SECONDS = (0.5, 2.0)
"""Between the start and the kill of one round."""


def rounds(victims: str, times: int) -> dict[str, Any]:
    """Kill the service, Postgres, or both, so many times under load."""

    async def play(postgres: Postgres, service: Service, known: Acknowledged) -> None:
        stop = asyncio.Event()
        load = asyncio.create_task(busy(service.port, known, stop))
        for _ in range(times):
            await asyncio.sleep(random.uniform(*_SECONDS))
            await asyncio.to_thread(_once, victims, postgres, service)
        await asyncio.sleep(1)
        stop.set()
        await load

    with stage(workers=2) as (postgres, service):
        service.start()
        known = Acknowledged()
        asyncio.run(play(postgres, service, known))
        counted = account(postgres, known)
    return {"rounds": times, **counted, "holds": holds(counted) and (victims != "postgres" or not known.failed_lists)}


def _once(victims: str, postgres: Postgres, service: Service) -> None:
    if victims in {"service", "both"}:
        service.kill()
    if victims in {"postgres", "both"}:
        postgres.kill()
        postgres.start()
    if victims in {"service", "both"}:
        service.start()


def kill_service(times: int) -> dict[str, Any]:
    """SIGKILL to every process of the service."""
    return rounds("service", times)


def kill_postgres(times: int) -> dict[str, Any]:
    """SIGKILL to Postgres: no list may fail either."""
    return rounds("postgres", times)


def kill_both(times: int) -> dict[str, Any]:
    """SIGKILL to the service and to Postgres."""
    return rounds("both", times)


def _with(turn_back: Callable[[Postgres, Service], None]) -> dict[str, Any]:
    """Load, let *turn_back* bring an earlier state back, load again, count."""

    async def load(service: Service, known: Acknowledged, seconds: float) -> None:
        stop = asyncio.Event()
        task = asyncio.create_task(busy(service.port, known, stop))
        await asyncio.sleep(seconds)
        stop.set()
        await task

    with stage() as (postgres, service):
        service.start()
        known = Acknowledged()
        asyncio.run(load(service, known, 2))
        turn_back(postgres, service)
        asyncio.run(load(service, known, 2))
        counted = account(postgres, known)
    return {**counted, "holds": holds(counted)}


def spool_restored(_times: int) -> dict[str, Any]:
    """Put the spool folder back from a copy that was taken before it was drained."""

    def turn_back(postgres: Postgres, service: Service) -> None:
        service.kill()
        copy = service.data.with_name("copy")
        shutil.copytree(service.data / "spool", copy)
        service.start()
        eventually(lambda: '"waiting_bytes": 0' in service.recsys("spool", "status", "--json"), 60, "drained")
        service.stop()
        shutil.rmtree(service.data / "spool")
        copy.rename(service.data / "spool")
        service.start()
        del postgres

    return _with(turn_back)


def database_restored(_times: int) -> dict[str, Any]:
    """Put the database back to before a drain, within RECSYS_SPOOL_KEEP: kept segments are replayed."""

    def turn_back(postgres: Postgres, service: Service) -> None:
        service.kill()
        with postgres.connect("postgres") as conn:
            conn.execute("create database earlier template recsys owner recsys_owner")
        service.start()
        eventually(lambda: postgres.one("select count(*) from interaction_events"), 60, "drained")
        service.stop()
        with postgres.connect("postgres") as conn:
            conn.execute("drop database recsys with (force)")
            conn.execute("alter database earlier rename to recsys")
            conn.execute("grant connect, temporary on database recsys to recsys_service, recsys_system, recsys_owner")
        service.start()

    return _with(turn_back)


def two_drains(times: int) -> dict[str, Any]:
    """Let a second drain work on the same spools all the time."""

    async def play(service: Service, known: Acknowledged) -> None:
        stop = asyncio.Event()
        load = asyncio.create_task(busy(service.port, known, stop))
        for _ in range(times):
            await asyncio.to_thread(service.recsys, "spool", "drain")
        stop.set()
        await load

    with stage(workers=2) as (postgres, service):
        service.start()
        known = Acknowledged()
        asyncio.run(play(service, known))
        counted = account(postgres, known)
    return {"drains beside the service's own": times, **counted, "holds": holds(counted)}
