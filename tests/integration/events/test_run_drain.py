"""The drain's loop: it follows the spools, waits for the database, and ends with nothing left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from recsys.db.pool import Database
from recsys.events import drain
from recsys.events.drain import run_drain
from recsys.events.records import Kind
from recsys.events.spool import Spool


@contextmanager
def _running(desk: Any, **policy: Any) -> Iterator[None]:
    stop = threading.Event()
    arguments = (desk.database, desk.root, stop, desk.policy._replace(**policy))
    thread = threading.Thread(target=run_drain, args=arguments)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_what_is_spooled_lands_by_itself(desk: Any) -> None:
    """Records appear in the database while the writer goes on."""
    with _running(desk), Spool(desk.root, bounds=desk.policy.bounds) as spool:
        for number in range(3):
            spool.append_now(Kind.INTERACTION, [desk.interaction(number)])
            _until(lambda number=number: len(desk.event_ids()) == number + 1)


def test_the_last_drain_takes_what_is_left(desk: Any) -> None:
    """Told to stop, the loop drains everything that was written before."""
    with _running(desk):
        desk.spool(Kind.INTERACTION, [desk.interaction(number) for number in range(50)])
    assert len(desk.event_ids()) == 50


def test_a_database_that_is_away_delays_and_loses_nothing(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """While inserts fail the loop keeps trying; once they work the backlog lands."""
    monkeypatch.setattr(drain, "BACKOFF_SECONDS", (0.01, 0.05))
    desk.operator.execute("alter table interaction_events rename to elsewhere")
    desk.spool(Kind.INTERACTION, [desk.interaction(number) for number in range(5)])
    attempts: list[object] = []
    real = drain.drain_once
    monkeypatch.setattr(drain, "drain_once", lambda *args: (attempts.append(None), real(*args))[1])
    with _running(desk):
        _until(lambda: len(attempts) > 3)
        desk.operator.execute("alter table elsewhere rename to interaction_events")
        _until(lambda: len(desk.event_ids()) == 5)


def test_a_server_that_is_not_there_ends_in_time(desk: Any) -> None:
    """With no database at all the loop stops when it is told to, and the spool stays for the next start."""
    desk.spool(Kind.INTERACTION, [desk.interaction(1)])
    absent = "host=/nonexistent dbname=x"
    with Database(absent, absent, prefix="recsys") as nowhere:
        nowhere._pool.timeout = 0.1
        stop = threading.Event()
        stop.set()
        run_drain(nowhere, desk.root, stop, desk.policy)
    desk.drain()
    assert desk.event_ids() == ["e1"]
