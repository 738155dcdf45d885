"""A partition whose time is over goes, step by step, whatever interrupts; and nothing else does."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from recsys.db.pool import Database
from recsys.db.provision import Urls
from recsys.errors import OwnerUnavailable
from recsys.maintenance.archive import write_csv, write_parquet
from recsys.maintenance.partitions import Partition, Policy, interval_of, plan, read_partitions
from recsys.maintenance.retirement import KEPT_AGAIN, read_waiting, retire_once

TENANT = UUID("018f0000-0000-7000-8000-000000000001")
OLD = "exposure_events_20190201_20190301"


@pytest.fixture
def old(database: Database, operator: psycopg.Connection) -> Database:
    """Open a database whose exposure_events has two partitions that are over, one with two rows."""
    operator.execute("select recsys_ensure_partitions('exposure_events', '2019-02-14Z')")
    operator.execute("select recsys_ensure_partitions('exposure_events', '2019-03-14Z')")
    operator.execute(
        "insert into exposure_events "
        "(id, tenant_id, occurred_at, request_id, surface, user_key, item_ids, scores, request) "
        "select gen_random_uuid(), %s, '2019-02-14Z'::timestamptz - n * interval '1 hour', 'r' || n, 'home', "
        "'key', '{a,b}', '{1,0.5}', '{\"k\": 2}' from generate_series(1, 2) as n",
        (TENANT,),
    )
    return database


def _partitions(conn: psycopg.Connection) -> list[str]:
    rows = conn.execute("select partition_name from recsys_partitions('exposure_events')").fetchall()
    return [name for (name,) in rows if name < "exposure_events_2020"]


def _states(conn: psycopg.Connection) -> dict[str, str]:
    return dict(conn.execute("select partition_name, state from partition_retirements").fetchall())


@contextmanager
def _reporting(dsn: str) -> Iterator[None]:
    """Hold a snapshot of the log in an open transaction."""
    with psycopg.connect(dsn) as conn:
        conn.execute("set transaction isolation level repeatable read")
        conn.execute("select count(*) from exposure_events")
        yield
        conn.rollback()


def test_what_is_over_goes_and_the_audit_log_says_so(old: Database, operator: psycopg.Connection) -> None:
    """Both old partitions are detached and dropped, with one audit row each; a second pass finds nothing."""
    assert retire_once(old) == [OLD, "exposure_events_20190301_20190401"]
    assert _partitions(operator) == []
    assert set(_states(operator).values()) == {"dropped"}
    entries = operator.execute(
        "select entity_id, (extra ->> 'rows')::int from audit_log where action = 'partition.drop' order by 1"
    ).fetchall()
    assert entries == [(OLD, 2), ("exposure_events_20190301_20190401", 0)]
    assert retire_once(old) == []


def test_a_table_without_retention_keeps_everything(old: Database, operator: psycopg.Connection) -> None:
    """With retention off nothing is chosen, and a choice that nothing was done about is forgotten."""
    operator.execute(
        "insert into partition_retirements (parent_table, partition_name, lower_bound, upper_bound) "
        "values ('exposure_events', %s, '2019-02-01Z', '2019-03-01Z')",
        (OLD,),
    )
    operator.execute(
        "update partition_policies set retain_days = null, accept_days = null where parent_table = 'exposure_events'"
    )
    assert retire_once(old) == []
    assert len(_partitions(operator)) == 2
    assert _states(operator) == {}


def test_a_longer_retention_takes_a_choice_back(old: Database, operator: psycopg.Connection) -> None:
    """What a report delayed stays once the policy keeps it again; a table that is detached already is never dropped."""
    keep = "update partition_policies set retain_days = %s where parent_table = 'exposure_events'"
    with _reporting(operator.info.dsn):
        retire_once(old)  # the first is half detached, the second only chosen
    operator.execute(keep, (10_000,))
    assert retire_once(old) == []
    assert _partitions(operator) == ["exposure_events_20190301_20190401"]
    assert operator.execute(f"select count(*) from {OLD}").fetchone() == (2,)  # noqa: S608  our constant
    assert _states(operator) == {OLD: "detaching"}
    with old.system() as conn:
        assert [(left.partition_name, left.last_error) for left in read_waiting(conn)] == [(OLD, KEPT_AGAIN)]
    operator.execute(
        f"alter table exposure_events attach partition {OLD} for values from ('2019-02-01Z') to ('2019-03-01Z')"
    )
    assert retire_once(old) == []
    assert _states(operator) == {}
    operator.execute(keep, (400,))
    assert retire_once(old) == [OLD, "exposure_events_20190301_20190401"]


def test_without_a_policy_nothing_goes(old: Database, operator: psycopg.Connection) -> None:
    """A partition whose policy was removed after it was chosen stays."""
    with _reporting(operator.info.dsn):
        retire_once(old)
    operator.execute("delete from partition_policies where parent_table = 'exposure_events'")
    assert retire_once(old) == []
    assert _partitions(operator) == [OLD, "exposure_events_20190301_20190401"]
    assert _states(operator) == {OLD: "detaching"}


@pytest.mark.parametrize(("days", "goes"), [(406, False), (407, True)])
def test_a_week_of_grace_comes_after_the_retention(days: int, goes: bool) -> None:
    """A partition goes once its end is older than retention plus seven days, and not a day sooner."""
    month = interval_of("month", datetime(2026, 5, 1, tzinfo=UTC))
    policy = Policy("exposure_events", "month", 3, 400, 400)
    now = datetime.fromtimestamp(month.upper.timestamp() + days * 86400, UTC)
    assert bool(plan(policy, [Partition("p", *month, empty=False)], now).retire) == goes


def test_a_snapshot_that_is_held_delays_and_is_not_waited_for(old: Database, operator: psycopg.Connection) -> None:
    """A reporting transaction leaves the detach pending; the pass ends, and a later one finishes it."""
    with _reporting(operator.info.dsn):
        assert retire_once(old) == []
        assert _states(operator)[OLD] == "detaching"
        pending = operator.execute("select count(*) from pg_inherits where inhdetachpending").fetchone()
        assert pending == (1,)
        error = operator.execute(
            "select last_error from partition_retirements where partition_name = %s", (OLD,)
        ).fetchone()
        assert error is not None
        assert "lock timeout" in error[0]
        assert retire_once(old) == []
    assert retire_once(old) == [OLD, "exposure_events_20190301_20190401"]


def test_what_is_half_detached_holds_up_nobody(
    old: Database, owner: psycopg.Connection, operator: psycopg.Connection
) -> None:
    """While a detach waits for a report, its lock asked for, nobody who looks at the partitions waits with it."""
    finalize = f"alter table exposure_events detach partition {OLD} finalize"
    with _reporting(operator.info.dsn):
        retire_once(old)
        waiting = threading.Thread(target=owner.execute, args=(finalize.encode(),))
        waiting.start()
        _wait_until_somebody_waits(operator)
        with old.system() as conn:
            conn.execute("set local lock_timeout = '100ms'")
            assert conn.execute("select recsys_ensure_partitions('exposure_events', now())").fetchone() == (None,)
            [half, *_] = read_partitions(conn, "exposure_events")
        assert (half.partition_name, half.detaching, half.empty) == (OLD, True, False)
        assert half.lower == datetime(2019, 2, 1, tzinfo=UTC)
    waiting.join()


def _wait_until_somebody_waits(conn: psycopg.Connection) -> None:
    deadline = time.monotonic() + 10
    while conn.execute("select count(*) from pg_locks where not granted").fetchone() == (0,):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_every_interrupted_step_is_taken_up(old: Database, operator: psycopg.Connection, tmp_path: Path) -> None:
    """From each state that a killed pass can leave behind, the next one ends at the same place."""
    choose = (
        "insert into partition_retirements (parent_table, partition_name, lower_bound, upper_bound, state) "
        "values ('exposure_events', %s, '2019-02-01Z', '2019-03-01Z', %s)"
    )
    detach = f"alter table exposure_events detach partition {OLD}"
    for state, statement in (
        ("detaching", "select 1"),
        ("detaching", detach),
        ("detached", detach),
        ("archived", detach),
        ("archived", f"drop table {OLD}"),
    ):
        with operator.transaction():
            operator.execute("delete from partition_retirements")
            operator.execute(choose, (OLD, state))
            operator.execute(statement.encode())
        (tmp_path / f"{OLD}.csv.gz.part").write_bytes(b"half a file")
        retire_once(old, archive=partial(write_csv, tmp_path))
        assert _partitions(operator) == []
        assert operator.execute("select to_regclass(%s)", (OLD,)).fetchone() == (None,)
        assert _states(operator)[OLD] == "dropped"
        operator.execute("select recsys_ensure_partitions('exposure_events', '2019-02-14Z')")


def test_an_archive_holds_every_row(old: Database, operator: psycopg.Connection, tmp_path: Path) -> None:
    """The compressed CSV has a header and the rows, oldest first; the audit row names the file."""
    retire_once(old, archive=partial(write_csv, tmp_path))
    lines = gzip.decompress((tmp_path / f"{OLD}.csv.gz").read_bytes()).decode().splitlines()
    assert lines[0].startswith("id,tenant_id,occurred_at,")
    assert [line.split(",")[4] for line in lines[1:]] == ["r2", "r1"]
    named = operator.execute("select extra ->> 'archive' from audit_log where entity_id = %s", (OLD,)).fetchone()
    assert named == (str(tmp_path / f"{OLD}.csv.gz"),)


def test_an_archive_as_parquet(old: Database, tmp_path: Path) -> None:
    """Parquet keeps times, arrays and bytes as such, and ids and documents as their text."""
    parquet = pytest.importorskip("pyarrow.parquet")
    retire_once(old, archive=partial(write_parquet, tmp_path))
    newest = parquet.read_table(tmp_path / f"{OLD}.parquet").to_pylist()[-1]
    assert newest["occurred_at"] == datetime(2019, 2, 13, 23, tzinfo=UTC)
    assert newest["tenant_id"] == str(TENANT)
    assert newest["item_ids"] == ["a", "b"]
    assert newest["scores"] == [1.0, 0.5]
    assert newest["user_key"] == b"key"
    assert newest["request"] == '{"k": 2}'
    assert newest["propensities"] is None


def test_a_disk_that_is_full_keeps_the_rows(old: Database, operator: psycopg.Connection, tmp_path: Path) -> None:
    """When the archive can not be written nothing is dropped, the reason is kept, and a later pass finishes."""
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert retire_once(old, archive=partial(write_csv, blocked)) == []
    assert operator.execute(f"select count(*) from {OLD}").fetchone() == (2,)  # noqa: S608  our constant
    state = operator.execute(
        "select state, last_error is not null from partition_retirements where partition_name = %s", (OLD,)
    ).fetchone()
    assert state == ("detached", True)
    assert OLD in retire_once(old, archive=partial(write_csv, tmp_path))


def test_without_a_login_of_the_owner_it_says_which(urls: Urls) -> None:
    """Where only the service's login is known, the refusal names the variable and the login."""
    serving = Database(urls.service, urls.service, prefix="recsys")
    with pytest.raises(OwnerUnavailable, match="RECSYS_OWNER_DATABASE_URL"):
        retire_once(serving)
