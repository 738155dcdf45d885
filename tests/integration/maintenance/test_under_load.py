"""Partitions come and go under a stream of inserts, and nobody notices."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import psycopg

from recsys.db.pool import Database
from recsys.maintenance.partitions import ensure_ahead
from recsys.maintenance.retirement import retire_once

SECONDS = float(os.environ.get("RECSYS_TEST_LOAD_SECONDS", "8"))
ROWS_A_SECOND = 10_000
BATCH = 500
START = datetime(2096, 4, 20, tzinfo=UTC)
DAYS_A_SECOND = 4  # the clock of the test: 8 seconds are a month, and its end lies within them

UPKEEP = """
import sys
from datetime import datetime
from recsys.db.pool import Database
from recsys.maintenance.partitions import ensure_ahead
from recsys.maintenance.retirement import retire_once
from recsys.settings import Settings
now = datetime.fromisoformat(sys.argv[3])
with Database.open(Settings(database_url=sys.argv[1], owner_database_url=sys.argv[2])) as database:
    print("begun", flush=True)
    while True:
        ensure_ahead(database, now)
        retire_once(database, now)
"""

INSERT = """
    insert into interaction_events (event_id, tenant_id, occurred_at, event_type, item_id)
    select %(first)s + n, '018f0000-0000-7000-8000-000000000001', %(at)s, 'view', 'x'
    from generate_series(1, %(rows)s) as n
    on conflict do nothing
"""


class Clock:
    """Time that runs DAYS_A_SECOND times 86,400 as fast, from START on."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Real seconds since the start."""
        return time.monotonic() - self._began

    def now(self) -> datetime:
        """Say what time it is in the test."""
        return START + timedelta(days=DAYS_A_SECOND * self.elapsed)


class Writer(threading.Thread):
    """Inserts batches at a fixed rate as the drain does: a missing partition is made, everything else is a failure."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(name="writer")
        self.written = 0
        self.failures: list[Exception] = []
        self._database = database
        self._clock = clock

    def run(self) -> None:
        """Write until the time is over."""
        while self._clock.elapsed < SECONDS:
            if self.written > self._clock.elapsed * ROWS_A_SECOND:
                time.sleep(0.005)
                continue
            at = self._clock.now()
            try:
                self._write(at)
            except psycopg.errors.CheckViolation:  # the table has no other check that these rows could violate
                with suppress(psycopg.errors.LockNotAvailable):  # upkeep may be at it; the batch is tried again
                    self._ensure(at)
            except Exception as error:  # noqa: BLE001  whatever it is, the test has to show it
                self.failures.append(error)
                return

    def _write(self, at: datetime) -> None:
        with self._database.system() as conn:
            conn.execute("set local lock_timeout = '1s'")  # who waits longer fails
            conn.execute(INSERT, {"first": self.written, "at": at, "rows": BATCH})
        self.written += BATCH

    def _ensure(self, at: datetime) -> None:
        with self._database.system() as conn:
            conn.execute("select recsys_ensure_partitions('interaction_events', %s)", (at,))


def _one_upkeep(database: Database, clock: Clock, chance: random.Random) -> None:
    """Run upkeep in a process of its own, and kill it at a random moment."""
    command = [sys.executable, "-c", UPKEEP, database.service_url, database.owner_url, clock.now().isoformat()]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0.01, 0.4))
        process.send_signal(signal.SIGKILL)


def test_no_insert_fails_while_partitions_come_and_go(database: Database, operator: psycopg.Connection) -> None:
    """10,000 rows a second over a month's end, with upkeep killed again and again and a report holding its snapshot.

    No insert fails, none waits a second for a lock, no row is lost, and a later pass finishes what could not be done.
    """
    operator.execute(
        "update partition_policies set interval = 'day', retain_days = 1000, accept_days = 1 "
        "where parent_table = 'interaction_events'"
    )
    for days in range(1000, 1020):  # partitions whose time is over when the test begins
        at = START - timedelta(days=days)
        operator.execute("select recsys_ensure_partitions('interaction_events', %s)", (at,))
    for (name,) in operator.execute("select partition_name from recsys_partitions('exposure_events')").fetchall():
        operator.execute(f"drop table {name}".encode())
    ensure_ahead(database, START)
    clock = Clock()
    writer = Writer(database, clock)
    writer.start()
    chance = random.Random(5)  # noqa: S311  moments, not secrets
    _one_upkeep(database, clock, chance)
    with psycopg.connect(operator.info.dsn) as report:
        report.execute("set transaction isolation level repeatable read")
        report.execute("select count(*) from interaction_events")
        while clock.elapsed < SECONDS * 0.6 and writer.is_alive():
            _one_upkeep(database, clock, chance)
        report.rollback()
    while clock.elapsed < SECONDS and writer.is_alive():
        _one_upkeep(database, clock, chance)
    writer.join()
    assert writer.failures == []
    assert operator.execute("select count(*) from interaction_events").fetchone() == (writer.written,)
    assert writer.written > SECONDS * ROWS_A_SECOND * 0.5
    _finish(database, operator, clock)


def _finish(database: Database, operator: psycopg.Connection, clock: Clock) -> None:
    """Show that quiet passes complete the work: nothing old is left, the runway is whole, no row is gone."""
    deadline = time.monotonic() + 30
    over = "select count(*) from recsys_partitions('interaction_events') where upper_bound < '2095-01-01'"
    while operator.execute(over).fetchone() != (0,):
        assert time.monotonic() < deadline
        retire_once(database, clock.now())
    now = clock.now()
    ensure_ahead(database, now)
    assert ensure_ahead(database, now) == []
    unfinished = "select count(*) from partition_retirements where state <> 'dropped'"
    assert operator.execute(unfinished).fetchone() == (0,)
