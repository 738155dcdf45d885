"""Partitions come and go under a stream of inserts, and nobody notices."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg

from recsys.db.pool import Database
from recsys.events.history import recent
from recsys.maintenance.partitions import ensure_ahead
from recsys.maintenance.retirement import retire_once

TENANT = UUID("018f0000-0000-7000-8000-000000000001")
SECONDS = float(os.environ.get("RECSYS_TEST_LOAD_SECONDS", "8"))
ROWS_A_SECOND = 10_500
BATCH = 1000
START = datetime(2096, 4, 20, tzinfo=UTC)
DAYS_A_SECOND = 4  # the clock of the test: 8 seconds are a month, and its end lies within them

LONGEST_LIFE = SECONDS / 8
"""Seconds after which an upkeep is killed at the latest."""

UPKEEP = """
import sys, time
from datetime import datetime, timedelta
from recsys.db.pool import Database
from recsys.maintenance.partitions import ensure_ahead
from recsys.maintenance.retirement import retire_once
from recsys.settings import Settings
start, began = datetime.fromisoformat(sys.argv[3]), time.monotonic()
with Database.open(Settings(database_url=sys.argv[1], owner_database_url=sys.argv[2])) as database:
    print("begun", flush=True)
    while True:
        now = start + timedelta(days=float(sys.argv[4]) * (time.monotonic() - began))
        ensure_ahead(database, now)
        retire_once(database, now)
"""

LOCK_TIMEOUT = 0.9
"""Seconds that upkeep may wait for a lock, as the schema and the retirement say."""

WAITS = """
    select application_name not in ('writer', 'reader'), extract(epoch from max(clock_timestamp() - waitstart))::float8
    from pg_locks join pg_stat_activity using (pid)
    where not granted and waitstart is not null
    group by 1
"""

INSERT = """
    insert into interaction_events (event_id, tenant_id, occurred_at, event_type, item_id)
    select %(first)s + n, %(tenant)s, %(at)s, 'view', 'x'
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
        self.partitions_missed = 0
        self.slowest = 0.0
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
            began = time.monotonic()
            try:
                self._write(at)
                self.slowest = max(self.slowest, time.monotonic() - began)
            except psycopg.errors.CheckViolation:  # the table has no other check that these rows could violate
                self.partitions_missed += 1
                with suppress(psycopg.errors.LockNotAvailable):  # upkeep may be at it; the batch is tried again
                    self._ensure(at)
            except Exception as error:  # noqa: BLE001  whatever it is, the test has to show it
                self.failures.append(error)
                return

    def _write(self, at: datetime) -> None:
        with self._database.system() as conn:
            conn.execute(
                "set local lock_timeout = '1s'; set local application_name = 'writer'"
            )  # who waits longer fails
            conn.execute(INSERT, {"first": self.written, "tenant": TENANT, "at": at, "rows": BATCH})
        self.written += BATCH

    def _ensure(self, at: datetime) -> None:
        with self._database.system() as conn:
            conn.execute("set local application_name = 'writer'")
            conn.execute("select recsys_ensure_partitions('interaction_events', %s)", (at,))


class Reader(threading.Thread):
    """Reads a visitor's history again and again, as serving does; waiting for a lock longer than 1 s is a failure."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(name="reader")
        self.reads = 0
        self.slowest = 0.0
        self.failures: list[Exception] = []
        self._database = database
        self._clock = clock

    def run(self) -> None:
        """Read until the time is over."""
        while self._clock.elapsed < SECONDS and not self.failures:
            began = time.monotonic()
            try:
                with self._database.service(TENANT) as conn:
                    conn.execute("set local lock_timeout = '1s'; set local application_name = 'reader'")
                    recent(conn, TENANT, b"nobody", None, 50)
            except Exception as error:  # noqa: BLE001  whatever it is, the test has to show it
                self.failures.append(error)
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.reads += 1
            time.sleep(0.01)


class Watch(threading.Thread):
    """Looks fifty times a second at who waits for a lock, and for how long by now."""

    def __init__(self, dsn: str, clock: Clock) -> None:
        super().__init__(name="watch")
        self.longest = {"upkeep": 0.0, "service": 0.0}
        self._dsn = dsn
        self._clock = clock

    def run(self) -> None:
        """Look until the time is over."""
        with psycopg.connect(self._dsn, autocommit=True) as conn:
            while self._clock.elapsed < SECONDS:
                for is_upkeep, seconds in conn.execute(WAITS):
                    who = "upkeep" if is_upkeep else "service"
                    self.longest[who] = max(self.longest[who], seconds)
                time.sleep(0.02)


def _one_upkeep(database: Database, clock: Clock, chance: random.Random) -> None:
    """Run upkeep in a process of its own, and kill it at a random moment."""
    command = [sys.executable, "-c", UPKEEP, database.service_url, database.owner_url]
    command += [clock.now().isoformat(), str(DAYS_A_SECOND)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0.01, LONGEST_LIFE))
        process.send_signal(signal.SIGKILL)


def _prepare(database: Database, operator: psycopg.Connection) -> None:
    """Set daily partitions up, with old ones that have to go while the test runs."""
    operator.execute(
        "update partition_policies set interval = 'day', ahead = 10, retain_days = 1000, accept_days = 1 "
        "where parent_table = 'interaction_events'"
    )
    for days in range(980, 1030):  # some are over when the test begins, the others within its first 7 seconds
        at = START - timedelta(days=days)
        operator.execute("select recsys_ensure_partitions('interaction_events', %s)", (at,))
    for (name,) in operator.execute("select partition_name from recsys_partitions('exposure_events')").fetchall():
        operator.execute(f"drop table {name}".encode())
    ensure_ahead(database, START)


def _kill_upkeep_under_load(database: Database, dsn: str, clock: Clock) -> tuple[int, float]:
    """Kill one upkeep after the other until the time is over; say how many, and how long a report was open."""
    chance = random.Random(5)  # noqa: S311  moments, not secrets
    kills = 0
    with psycopg.connect(dsn) as report:
        report.execute("set transaction isolation level repeatable read")
        report.execute("select count(*) from interaction_events")
        began = clock.elapsed
        held = 0.0
        while clock.elapsed < SECONDS:
            _one_upkeep(database, clock, chance)
            kills += 1
            if not held and clock.elapsed > SECONDS * 0.6:
                report.rollback()
                held = clock.elapsed - began
    return kills, held


def test_no_insert_fails_while_partitions_come_and_go(
    database: Database, operator: psycopg.Connection, record_property: Callable[[str, object], None]
) -> None:
    """10,000 rows a second over a month's end, with upkeep killed again and again and a report holding its snapshot.

    No insert fails, nobody of the service waits a second for a lock and upkeep not longer than its own timeout, no row
    is lost, and a later pass finishes what could not be done.
    """
    _prepare(database, operator)
    clock = Clock()
    writer, reader, watch = Writer(database, clock), Reader(database, clock), Watch(operator.info.dsn, clock)
    for thread in (writer, reader, watch):
        thread.start()
    kills, held = _kill_upkeep_under_load(database, operator.info.dsn, clock)
    for thread in (writer, reader, watch):
        thread.join()
    dropped = operator.execute("select count(*) from partition_retirements where state = 'dropped'").fetchone()
    for name, figure in {
        "seconds": SECONDS,
        "from": str(START.date()),
        "to": str(clock.now().date()),
        "rows_written": writer.written,
        "rows_a_second": round(writer.written / SECONDS),
        "inserts_failed": len(writer.failures),
        "batches_that_made_their_partition": writer.partitions_missed,
        "slowest_batch_s": round(writer.slowest, 3),
        "reads": reader.reads,
        "reads_failed": len(reader.failures),
        "slowest_read_s": round(reader.slowest, 3),
        "longest_lock_wait_of_the_service_s": round(watch.longest["service"], 3),
        "longest_lock_wait_of_upkeep_s": round(watch.longest["upkeep"], 3),
        "upkeep_killed": kills,
        "report_held_s": round(held, 1),
        "partitions_dropped_under_load": dropped and dropped[0],
    }.items():
        record_property(name, figure)
    assert (writer.failures, reader.failures) == ([], [])
    assert operator.execute("select count(*) from interaction_events").fetchone() == (writer.written,)
    assert writer.written > SECONDS * ROWS_A_SECOND * 0.1  # the long form shows the rate; here two cores are shared
    assert watch.longest["upkeep"] < LOCK_TIMEOUT + 0.3  # a busy machine wakes the timer late
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
