"""Partitions are there before an insert wants them, whatever the policy, the clock and the time zone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from recsys.db.pool import Database
from recsys.errors import Unavailable
from recsys.maintenance.partitions import ensure_ahead, interval_of, plan, read_partitions, read_policies

LOGS = ("audit_log", "exposure_events", "interaction_events")


def _bounds(database: Database, parent: str) -> list[tuple[str, str]]:
    with database.system() as conn:
        return [
            (partition.lower.strftime("%m-%d"), partition.upper.strftime("%m-%d"))
            for partition in read_partitions(conn, parent)
        ]


def _clear(owner: psycopg.Connection, parent: str) -> None:
    for (name,) in owner.execute("select partition_name from recsys_partitions(%s)", (parent,)).fetchall():
        owner.execute(sql.SQL("drop table {}").format(sql.Identifier(name)))


def _insert(conn: psycopg.Connection, at: datetime) -> None:
    conn.execute(
        "insert into interaction_events (event_id, tenant_id, occurred_at, event_type, item_id) "
        "values (%s, %s, %s, 'view', 'x')",
        (str(uuid4()), uuid4(), at),
    )


def test_a_new_database_has_the_whole_runway(database: Database) -> None:
    """After the first start every log has the month in use and three more, and upkeep has nothing to do."""
    now = datetime.now(UTC)
    with database.system() as conn:
        for policy in read_policies(conn):
            planned = plan(policy, read_partitions(conn, policy.parent_table), now)
            assert planned[:3] == ((), (), ())
            assert planned.runway > timedelta(days=89)
    assert ensure_ahead(database, now) == []


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Kiritimati"])
def test_bounds_are_utc_whatever_the_session_thinks(owner: psycopg.Connection, zone: str) -> None:
    """Sessions on both sides of the date line make the same bounds: midnights of UTC."""
    _clear(owner, "audit_log")
    owner.execute("select set_config('timezone', %s, false)", (zone,))
    owner.execute("set datestyle = 'German'")
    owner.execute("select recsys_ensure_runway('2026-05-01 00:00Z')")
    owner.execute("set timezone = 'UTC'; set datestyle = 'ISO'")
    found = owner.execute("select partition_name, lower_bound, upper_bound from recsys_partitions('audit_log')")
    months = [datetime(2026, month, 1, tzinfo=UTC) for month in (5, 6, 7, 8, 9)]
    assert found.fetchall() == [
        (f"audit_log_{lower:%Y%m%d}_{upper:%Y%m%d}", lower, upper) for lower, upper in pairwise(months)
    ]


def test_a_time_without_a_partition_gets_one(database: Database) -> None:
    """An insert far in the past fails with 23514 without a constraint, and succeeds once the drain has asked."""
    at = datetime(2019, 2, 14, tzinfo=UTC)

    def insert() -> None:
        with database.system() as conn:
            _insert(conn, at)

    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        insert()
    assert refused.value.diag.constraint_name is None
    with database.system() as conn:
        ask = "select recsys_ensure_partitions('interaction_events', %s)"
        assert conn.execute(ask, (at,)).fetchone() == ("interaction_events_20190201_20190301",)
        assert conn.execute(ask, (at,)).fetchone() == (None,)
    insert()


def test_a_changed_interval_leaves_neither_gap_nor_overlap(database: Database, owner: psycopg.Connection) -> None:
    """Month to week: used months stay, empty future ones go, weeks begin where the last used month ends."""
    _clear(owner, "interaction_events")
    now = datetime(2096, 5, 20, 12, tzinfo=UTC)
    ensure_ahead(database, now)
    assert _bounds(database, "interaction_events") == [
        ("05-01", "06-01"),
        ("06-01", "07-01"),
        ("07-01", "08-01"),
        ("08-01", "09-01"),
    ]
    with database.system() as conn:
        _insert(conn, datetime(2096, 6, 3, tzinfo=UTC))
    owner.execute("update partition_policies set interval = 'week' where parent_table = 'interaction_events'")
    ensure_ahead(database, now)
    # 2 July 2096 is a Monday
    assert _bounds(database, "interaction_events") == [
        ("05-01", "06-01"),
        ("06-01", "07-01"),
        ("07-01", "07-02"),
        ("07-02", "07-09"),
    ]
    owner.execute("update partition_policies set interval = 'month' where parent_table = 'interaction_events'")
    ensure_ahead(database, now)
    assert _bounds(database, "interaction_events")[2:] == [("07-01", "08-01"), ("08-01", "09-01")]


def test_a_partition_in_the_way_is_replaced_only_while_it_is_empty_and_to_come(
    database: Database, owner: psycopg.Connection
) -> None:
    """The function that drops refuses a partition that has begun, and one that holds a row."""
    _clear(owner, "interaction_events")
    now = datetime.now(UTC)
    ensure_ahead(database, now)
    begun, coming, *_ = owner.execute("select partition_name from recsys_partitions('interaction_events')").fetchall()
    with database.system() as conn:
        _insert(conn, interval_of("month", now).upper)
    for (name,) in (begun, coming):
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            owner.execute("select recsys_drop_future_partition('interaction_events', %s)", (name,))


def test_upkeep_gives_up_a_lock_instead_of_standing_in_a_queue(database: Database, owner: psycopg.Connection) -> None:
    """While somebody holds the table, upkeep says so within its lock timeout and leaves everything as it was."""
    with owner.transaction():
        owner.execute("lock table only audit_log in share update exclusive mode")
        with pytest.raises(Unavailable, match="audit_log"):
            ensure_ahead(database, datetime.now(UTC) + timedelta(days=60))
    assert ensure_ahead(database, datetime.now(UTC) + timedelta(days=60))


def test_what_stops_one_table_stops_no_other(database: Database, owner: psycopg.Connection) -> None:
    """A policy for a table that does not exist, and a table that is locked, are named; every other gets its runway."""
    owner.execute("insert into partition_policies (parent_table) values ('a_table_that_never_was')")
    later = datetime.now(UTC) + timedelta(days=60)
    with owner.transaction():
        owner.execute("lock table only audit_log in share update exclusive mode")
        with pytest.raises(Unavailable, match=r"a_table_that_never_was.*audit_log is locked"):
            ensure_ahead(database, later)
    with database.system() as conn:
        runways = {
            policy.parent_table: plan(policy, read_partitions(conn, policy.parent_table), later).runway.days
            for policy in read_policies(conn)
        }
    assert runways["a_table_that_never_was"] == 0
    assert runways["audit_log"] < 62
    assert min(runways["exposure_events"], runways["interaction_events"]) > 88


def test_four_at_once_follow_a_changed_policy(database: Database, owner: psycopg.Connection) -> None:
    """Programs that replace the same partitions at the same moment all succeed, and leave one seamless runway."""
    _clear(owner, "interaction_events")
    now = datetime(2096, 5, 20, 12, tzinfo=UTC)
    ensure_ahead(database, now)
    for interval in ("week", "day", "month", "week"):
        owner.execute(
            "update partition_policies set interval = %s, ahead = 9 where parent_table = 'interaction_events'",
            (interval,),
        )
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(ensure_ahead, [database] * 4, [now] * 4))
        assert len([names for names in made if names]) == 1
        bounds = _bounds(database, "interaction_events")
        assert all(left[1] == right[0] for left, right in pairwise(bounds))


def test_a_name_that_a_detached_table_still_has_is_no_obstacle(owner: psycopg.Connection) -> None:
    """A time whose old partition was detached and not dropped yet gets a new one under another name."""
    owner.execute("select recsys_ensure_partitions('audit_log', '2019-02-14Z')")
    owner.execute("alter table audit_log detach partition audit_log_20190201_20190301")
    made = owner.execute("select recsys_ensure_partitions('audit_log', '2019-02-14Z')").fetchone()
    assert made == ("audit_log_20190201_20190301_again",)


def test_nobody_but_the_owner_reaches_a_partition(database: Database, owner: psycopg.Connection) -> None:
    """Neither service nor system may read a partition by its name, and without a policy a grant shows nothing."""
    owner.execute("select recsys_ensure_partitions('interaction_events', '2019-02-14Z')")
    name = "interaction_events_20190201_20190301"
    with database.system() as conn:
        _insert(conn, datetime(2019, 2, 14, tzinfo=UTC))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(f"select from {name}")
        conn.rollback()
    owner.execute(f"grant select on {name} to recsys_service")
    with database.service(uuid4()) as conn:
        assert conn.execute(f"select from {name}").rowcount == 0


def test_the_database_and_the_plan_cut_time_alike(owner: psycopg.Connection) -> None:
    """For every interval, over years with and without a leap day, SQL and Python name the same bounds."""
    first = datetime(2023, 12, 28, 23, 59, tzinfo=UTC)
    times = [first + timedelta(hours=7 * step) for step in range(1500)]
    for interval in ("day", "week", "month"):
        found = owner.execute(
            "select (recsys_partition_interval(%s, at)).* from unnest(%s::timestamptz[]) as at", (interval, times)
        ).fetchall()
        assert found == [tuple(interval_of(interval, at)) for at in times]
