"""Migrations survive interruption, company, changed files and busy tables, and status tells the truth throughout."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from recsys.db import migrate
from recsys.db.migrate import migrate_down, migrate_up, status
from recsys.db.migrations import Migration, parse, shipped, ways_back
from recsys.db.pool import Database
from recsys.db.preflight import preflight
from recsys.db.roles import Roles
from recsys.db.session import owner_session
from recsys.errors import MigrationError
from recsys.settings import Settings

ROLES = Roles.of("recsys")
RECSYS = str(Path(sys.executable).with_name("recsys"))
NewDatabase = Callable[[], Any]
KILLS = int(os.environ.get("RECSYS_TEST_KILLS", "6"))
LOCK_SECONDS = float(os.environ.get("RECSYS_TEST_LOCK_SECONDS", "2.5"))


def _states(conninfo: str) -> dict[int, str]:
    with owner_session(conninfo, ROLES) as conn:
        return {step.version: step.state for step in status(conn)}


def _verdicts(conninfo: str) -> dict[str, str]:
    return {check.name: check.verdict for check in preflight(conninfo, "recsys")}


def _with(monkeypatch: pytest.MonkeyPatch, *texts: str) -> list[Migration]:
    """Ship more migrations than there are."""
    first = len(shipped()) + 1
    more = [parse(version, f"extra_{version}", text) for version, text in enumerate(texts, first)]
    every = (*shipped(), *more)
    monkeypatch.setattr(migrate, "shipped", lambda: every)
    return more


@contextmanager
def _holding(conninfo: str, statement: str) -> Iterator[psycopg.Connection]:
    """Hold what *statement* locks in an open transaction."""
    with psycopg.connect(conninfo) as conn:
        conn.execute(f"set local role {ROLES.owner}".encode())
        conn.execute(statement.encode())
        yield conn
        conn.rollback()


def _fill(conninfo: str, months: int, rows: int) -> None:
    """Give exposure_events *months* partitions with rows, so that building an index takes a while."""
    with psycopg.connect(conninfo) as conn:
        conn.execute(f"set local role {ROLES.owner}".encode())
        conn.execute(
            "select recsys_ensure_partitions('exposure_events', '2026-01-15Z'::timestamptz + n * interval '1 month') "
            "from generate_series(0, %s - 1) as n",
            (months,),
        )
        conn.execute(
            "insert into exposure_events (id, tenant_id, occurred_at, request_id, surface, item_ids) "
            "select gen_random_uuid(), '018f0000-0000-7000-8000-000000000001', "
            "'2026-01-15Z'::timestamptz + (n %% %s) * interval '1 month', 'r' || n, 'home', '{a}' "
            "from generate_series(1, %s) as n",
            (months, rows),
        )


def test_an_empty_database_is_brought_up_and_a_second_run_finds_nothing(new_database: NewDatabase) -> None:
    """Everything is pending before, applied after, and the next `up` does nothing."""
    url = new_database().owner
    assert set(_states(url).values()) == {"pending"}
    assert migrate_up(url, "recsys") == list(shipped())
    assert set(_states(url).values()) == {"applied"}
    assert migrate_up(url, "recsys") == []


def test_two_at_once_share_the_work(new_database: NewDatabase) -> None:
    """Of two runs that begin together one applies everything, the other waits and finds nothing to do."""
    url = new_database().owner
    counts: list[int] = []
    start = threading.Barrier(2)

    def up() -> None:
        start.wait()
        counts.append(len(migrate_up(url, "recsys")))

    threads = [threading.Thread(target=up) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [0, len(shipped())]


def test_a_failing_migration_leaves_nothing_behind(new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a file did before its error is undone with its bookkeeping, and what came before stays."""
    url = new_database().owner
    [bad] = _with(monkeypatch, "-- transaction: yes\ncreate table half_done ();\nselect 1 / 0;")
    with pytest.raises(MigrationError, match=rf"{bad.file}.*division by zero"):
        migrate_up(url, "recsys")
    states = _states(url)
    assert states.pop(bad.version) == "pending"
    assert set(states.values()) == {"applied"}
    with psycopg.connect(url) as conn:
        assert conn.execute("select to_regclass('public.half_done')").fetchone() == (None,)


def test_a_changed_byte_stops_everything(new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shipped file that is not the one that was applied is named by status, preflight and up."""
    url = new_database().owner
    migrate_up(url, "recsys")
    first, *rest = shipped()
    changed = first._replace(text=first.text + " ")
    monkeypatch.setattr(migrate, "shipped", lambda: (changed, *rest))
    assert _states(url)[1] == "changed"
    [files] = [check for check in preflight(url, "recsys") if check.name == "files"]
    assert files.verdict == "stop"
    assert first.file in files.detail
    with pytest.raises(MigrationError, match=first.file):
        migrate_up(url, "recsys")


def test_what_a_newer_release_applied_is_named_and_left_alone(new_database: NewDatabase) -> None:
    """An old release beside a newer schema warns and has nothing to do."""
    url = new_database().owner
    migrate_up(url, "recsys")
    with owner_session(url, ROLES) as conn:
        conn.execute("insert into schema_migrations values (999, 'future', 'x', now(), now())")
    assert _states(url)[999] == "unknown"
    assert _verdicts(url)["files"] == "warning"
    assert migrate_up(url, "recsys") == []


def test_one_that_was_passed_over_stops_preflight(new_database: NewDatabase) -> None:
    """A pending migration below an applied one is no normal state, and preflight says so."""
    url = new_database().owner
    migrate_up(url, "recsys")
    with owner_session(url, ROLES) as conn:
        conn.execute("delete from schema_migrations where version = 9")
    assert _verdicts(url)["files"] == "stop"


def test_up_stops_where_it_is_told(new_database: NewDatabase) -> None:
    """`to` is the last version to apply; `pre` leaves out what released code can not work with, and nothing else."""
    url = new_database().owner
    assert [migration.version for migration in migrate_up(url, "recsys", to=3)] == [1, 2, 3]
    migrate_up(url, "recsys", pre=True)
    left = [migration for migration in shipped() if _states(url)[migration.version] == "pending"]
    assert left
    assert left == [migration for migration in shipped() if migration.phase == "post"]


def test_a_release_starts_on_its_own_first_half(new_database: NewDatabase) -> None:
    """After `up --pre` preflight has no objection, this release opens the database, and `up` applies the other half."""
    database = new_database()
    migrate_up(database.owner, "recsys", pre=True)
    assert _verdicts(database.owner)["files"] == "fine"
    opened = Settings(database_url=database.service, owner_database_url=database.owner)
    Database.open(opened).close()
    assert {migration.phase for migration in migrate_up(database.owner, "recsys")} == {"post"}
    Database.open(opened).close()


def test_the_halves_make_what_the_order_makes(new_database: NewDatabase) -> None:
    """All of the pre half and then all of the post half give the schema that running by number gives."""
    by_number, by_halves = new_database().owner, new_database().owner
    migrate_up(by_number, "recsys")
    migrate_up(by_halves, "recsys", pre=True)
    migrate_up(by_halves, "recsys")
    assert _columns_and_indexes(by_halves) == _columns_and_indexes(by_number)


def test_the_two_halves_of_a_change(new_database: NewDatabase) -> None:
    """Between the halves, code of the old release and of the new one read what the other wrote; later one name goes."""
    url = new_database().owner
    migrate_up(url, "recsys", to=12)
    write = (
        "insert into partition_retirements (parent_table, partition_name, lower_bound, upper_bound, {}) "
        "values ('exposure_events', '{}', now(), now(), '{}')"
    )
    with owner_session(url, ROLES) as conn:
        conn.execute(write.format("archive", "before", "1.csv").encode())
    migrate_up(url, "recsys", pre=True)
    with owner_session(url, ROLES) as conn:
        conn.execute(write.format("archive", "old", "2.csv").encode())
        conn.execute(write.format("archive_file", "new", "3.csv").encode())
        conn.execute("update partition_retirements set archive = '4.csv' where partition_name = 'new'")
        conn.execute("update partition_retirements set archive_file = '5.csv' where partition_name = 'old'")
        both = conn.execute(
            "select archive, archive_file from partition_retirements order by partition_name"
        ).fetchall()
    assert both == [("1.csv", "1.csv"), ("4.csv", "4.csv"), ("5.csv", "5.csv")]
    migrate_up(url, "recsys")
    with owner_session(url, ROLES) as conn:
        files = conn.execute("select archive_file from partition_retirements order by 1").fetchall()
        assert files == [("1.csv",), ("4.csv",), ("5.csv",)]
        with pytest.raises(psycopg.errors.UndefinedColumn):
            conn.execute("select archive from partition_retirements")


def test_the_way_down_is_the_way_up_in_reverse(new_database: NewDatabase) -> None:
    """Each step down leaves the schema that its version had, and the way up is open again from there."""
    url = new_database().owner
    oldest = min(ways_back()) - 1
    migrate_up(url, "recsys", to=oldest)
    dumps = []
    for migration in shipped()[oldest:]:
        dumps.append(_columns_and_indexes(url))
        migrate_up(url, "recsys", to=migration.version)
    while dumps:
        migrate_down(url, "recsys")
        assert _columns_and_indexes(url) == dumps.pop()
    with pytest.raises(MigrationError, match=f"no way back from version {oldest}"):
        migrate_down(url, "recsys")
    assert migrate_up(url, "recsys") == list(shipped()[oldest:])


def _columns_and_indexes(conninfo: str) -> list[tuple[object, ...]]:
    with psycopg.connect(conninfo) as conn:
        return conn.execute("""
            select relname, attname, format_type(atttypid, atttypmod), indisvalid
            from pg_class
            join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
            left join pg_index on indexrelid = pg_class.oid
            where relnamespace = 'public'::regnamespace
            order by 1, 2
        """).fetchall()


def test_data_is_not_lost_without_its_name(new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step back that drops data is refused, naming the data, until the data is named."""
    url = new_database().owner
    [extra] = _with(monkeypatch, "-- transaction: yes\ncreate table precious ();")
    back = parse(extra.version, extra.name, "-- transaction: yes\n-- loses: table precious\ndrop table precious;")
    monkeypatch.setattr(migrate, "ways_back", lambda: {extra.version: back})
    migrate_up(url, "recsys")
    with pytest.raises(MigrationError, match="--lose 'table precious'"):
        migrate_down(url, "recsys")
    migrate_down(url, "recsys", lose="table precious")
    assert _states(url)[extra.version] == "pending"


def test_a_busy_table_is_not_blocked_by_a_migration_that_waits_for_it(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    """While `up` tries for a lock that somebody holds, others wait at most its lock timeout; then it succeeds."""
    database = new_database()
    migrate_up(database.owner, "recsys")
    _with(monkeypatch, "-- transaction: yes\nalter table tenants add column note text;")
    tries: list[str] = []

    def up() -> None:
        migrate_up(database.owner, "recsys", say=lambda text: tries.append(text) if "trying again" in text else None)

    queries, worst = 0, 0.0
    thread = threading.Thread(target=up)
    with _holding(database.owner, "select count(*) from tenants"):
        thread.start()
        with psycopg.connect(database.service, autocommit=True) as conn:
            conn.execute("set role recsys_system")
            deadline = time.monotonic() + LOCK_SECONDS
            while time.monotonic() < deadline or not tries:
                began = time.monotonic()
                conn.execute("select count(*) from tenants")
                worst = max(worst, time.monotonic() - began)
                queries += 1
    thread.join()
    figures = {"lock_held_s": LOCK_SECONDS, "tries_of_up": len(tries), "queries": queries, "longest_query_s": worst}
    for name, figure in figures.items():
        record_property(name, round(figure, 3))
    assert worst < 0.9 + 0.5  # its lock timeout, and what a busy machine adds
    assert "pending" not in _states(database.owner).values()


def test_patience_ends(new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that is never free ends `up` with the name of the file, and nothing is changed."""
    database = new_database()
    migrate_up(database.owner, "recsys")
    [extra] = _with(monkeypatch, "-- transaction: yes\nalter table tenants add column note text;")
    with _holding(database.owner, "lock table tenants"), pytest.raises(MigrationError, match=extra.file):
        migrate_up(database.owner, "recsys", patience=0.5)
    assert _states(database.owner)[extra.version] == "pending"


def test_preflight_names_who_would_be_in_the_way(new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old open transaction is a warning with its process id and what it holds."""
    database = new_database()
    migrate_up(database.owner, "recsys")
    monkeypatch.setattr("recsys.db.preflight.LONG_TRANSACTION", 0.0)
    with _holding(database.owner, "lock table item_tags in share mode") as conn:
        [found] = [check for check in preflight(database.owner, "recsys") if check.name == "transactions"]
        assert found.verdict == "warning"
        assert f"pid {conn.info.backend_pid} " in found.detail
        assert "item_tags (ShareLock)" in found.detail


def test_preflight_without_a_server_or_the_right_login_says_what_to_do(
    new_database: NewDatabase,
) -> None:
    """Nobody there, and a login that may not act as the owner, are each one finding that stops."""
    [check] = preflight("host=/nowhere dbname=x connect_timeout=1", "recsys")
    assert (check.name, check.verdict) == ("connection", "stop")
    [check] = preflight(new_database().service, "recsys")
    assert check.verdict == "stop"
    assert "RECSYS_OWNER_DATABASE_URL" in check.detail


def test_an_invalid_index_is_made_again(new_database: NewDatabase) -> None:
    """An index that an interrupted run left invalid is dropped and built; status says interrupted until then."""
    database = new_database()
    migrate_up(database.owner, "recsys", to=10)
    _fill(database.owner, months=2, rows=10)
    with owner_session(database.owner, ROLES) as conn:
        # Two rows with one key: building a unique index fails, and leaves it behind, invalid.
        with pytest.raises(psycopg.errors.UniqueViolation):
            conn.execute(
                "create unique index concurrently exposure_events_20260201_20260301_surface_idx "
                "on exposure_events_20260201_20260301 (tenant_id)"
            )
        conn.execute("insert into schema_migrations (version, name, checksum) values (11, 'x', 'x')")
    assert _states(database.owner)[11] == "interrupted"
    assert _verdicts(database.owner)["interrupted"] == "warning"
    migrate_up(database.owner, "recsys")
    _assert_indexed(database.owner)


def _assert_indexed(conninfo: str) -> None:
    """Every partition has its part of the index, and the whole is valid."""
    with psycopg.connect(conninfo) as conn:
        found = conn.execute("""
            select count(child.inhrelid) = count(part.indexrelid), bool_and(whole.indisvalid)
            from pg_index as whole
            left join pg_inherits as child on child.inhparent = whole.indrelid
            left join (pg_index as part join pg_inherits as piece on piece.inhrelid = part.indexrelid)
                on part.indrelid = child.inhrelid and piece.inhparent = whole.indexrelid and part.indisvalid
            where whole.indexrelid = 'exposure_events_surface_idx'::regclass
        """).fetchone()
    assert found == (True, True)


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_at_a_random_moment(
    new_database: NewDatabase, seed: int, record_property: Callable[[str, object], None]
) -> None:
    """After SIGKILL, status is truthful about every migration and the next `up` finishes the rest."""
    database = new_database()
    chance = random.Random(seed)  # noqa: S311  a moment, not a secret
    if seed % 2:  # half of the kills hit the part that runs outside of transactions
        migrate_up(database.owner, "recsys", to=9)
        _fill(database.owner, months=6, rows=30_000)
    environment = {**os.environ, "DATABASE_URL": database.service, "RECSYS_OWNER_DATABASE_URL": database.owner}
    with subprocess.Popen(
        [RECSYS, "migrate", "up"], env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        assert process.stderr is not None
        process.stderr.readline()  # it has begun
        time.sleep(chance.uniform(0, 0.06))
        process.send_signal(signal.SIGKILL)
    states = list(_states(database.owner).values())
    record_property("applied_when_killed", states.count("applied"))
    record_property("interrupted_when_killed", states.count("interrupted"))
    _assert_truthful(database.owner)
    migrate_up(database.owner, "recsys")
    assert set(_states(database.owner).values()) == {"applied"}
    _assert_indexed(database.owner)


def _assert_truthful(conninfo: str) -> None:
    """What status calls applied is there, and what it calls pending is not."""
    made = {1: "schema_migrations", 3: "tenants", 5: "item_tags", 6: "audit_log", 8: "partition_policies"}
    states = _states(conninfo)
    with psycopg.connect(conninfo) as conn:
        for version, table in made.items():
            there = conn.execute("select to_regclass(%s) is not null", (f"public.{table}",)).fetchone()
            assert there == (states[version] == "applied",)
