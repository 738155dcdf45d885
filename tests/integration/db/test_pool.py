"""Which role and tenant a transaction has, and what it can see."""

from __future__ import annotations

import time
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from recsys.db.pool import Database
from recsys.errors import DatabaseUnavailable


def _tenant(database: Database, external_id: str) -> UUID:
    with database.system() as conn:
        row = conn.execute(
            "insert into tenants (external_id, name) values (%s, %s) returning id", (external_id, external_id)
        ).fetchone()
    assert row is not None
    return UUID(str(row[0]))


def test_a_transaction_has_the_role_and_the_tenant_it_was_begun_with(database: Database) -> None:
    """service() acts as the service role for one tenant, system() as the system role for none, owner() as the owner."""
    tenant = uuid4()
    question = "select current_user, current_setting('app.tenant_id'), current_setting('timezone')"
    with database.service(tenant) as conn:
        assert conn.execute(question).fetchone() == ("recsys_service", str(tenant), "UTC")
    with database.system() as conn:
        assert conn.execute(question).fetchone() == ("recsys_system", "", "UTC")
    with database.owner() as conn:
        assert conn.execute(question).fetchone() == ("recsys_owner", "", "UTC")


def test_an_exception_undoes_the_transaction_and_the_connection_serves_on(database: Database) -> None:
    """What was written before an exception is not there after it."""

    def fail_after_writing() -> None:
        with database.system() as conn:
            conn.execute("insert into tenants (external_id, name) values ('a', 'A')")
            raise LookupError

    with pytest.raises(LookupError):
        fail_after_writing()
    with database.system() as conn:
        assert conn.execute("select count(*) from tenants").fetchone() == (0,)


def test_the_service_sees_its_own_tenant_only(database: Database) -> None:
    """With tenant A set, the service role sees A's row of tenants and not B's."""
    a, b = _tenant(database, "a"), _tenant(database, "b")
    with database.service(a) as conn:
        assert conn.execute("select id from tenants").fetchall() == [(a,)]
    assert a != b


def test_a_question_is_answered_with_one_tenants_rows(database: Database) -> None:
    """`ask` sees A's row and not B's, as the service role, whatever the connection did before, and leaves nothing."""
    a, _ = _tenant(database, "a"), _tenant(database, "b")
    with database.reading() as conn:
        conn.execute("select 1")
    assert database.ask(a, "select id, current_user from tenants where id <> %(no)s", {"no": uuid4()}) == [
        (a, "recsys_service")
    ]
    with database.system() as conn:
        assert conn.execute("select count(*) from tenants").fetchone() == (2,)
    with database._pool.connection() as conn:
        left = conn.execute("select current_user, coalesce(current_setting('app.tenant_id', true), '')").fetchone()
    assert left == ("recsys_app", "")


def test_a_question_is_one_round_trip(database: Database, tmp_path: Path) -> None:
    """Role, tenant and query travel together as one transaction: the client waits for the server once."""
    database.ask(uuid4(), "select 1", {})  # there is a connection now
    conn = database._pool.getconn()
    with (tmp_path / "trace").open("w") as trace:
        conn.pgconn.trace(trace.fileno())
        database._pool.putconn(conn)
        assert database.ask(uuid4(), "select 2", {}) == [(2,)]
        conn.pgconn.untrace()
    messages = (tmp_path / "trace").read_text()
    assert sum("ReadyForQuery" in line for line in messages.splitlines()) == 1, messages


def test_a_question_that_is_refused_leaves_the_connection_usable(database: Database) -> None:
    """An error of the query is raised as it is, and the next question is answered."""
    tenant = uuid4()
    with pytest.raises(psycopg.errors.DivisionByZero):
        database.ask(tenant, "select 1 / %(zero)s", {"zero": 0})
    assert database.ask(tenant, "select 1", {}) == [(1,)]


def test_a_question_survives_a_restarted_server(database: Database, operator: psycopg.Connection) -> None:
    """A connection that the server closed while it was idle is replaced without an error."""
    ((backend,),) = database.ask(uuid4(), "select pg_backend_pid()", {})
    operator.execute("select pg_terminate_backend(%s, 5000)", (backend,))
    ((other,),) = database.ask(uuid4(), "select pg_backend_pid()", {})
    assert other != backend


def test_a_restarted_server_costs_no_transaction(database: Database, operator: psycopg.Connection) -> None:
    """Connections that the server closed while they were idle are replaced without an error."""
    with database.system() as conn:
        backend = conn.info.backend_pid
    operator.execute("select pg_terminate_backend(%s, 5000)", (backend,))
    with database.system() as conn:
        assert conn.info.backend_pid != backend


def test_a_connection_lost_in_the_middle_says_that_the_database_is_away(
    database: Database, operator: psycopg.Connection
) -> None:
    """A backend that dies under a transaction raises DatabaseUnavailable, not a driver's error."""

    def lose_the_backend() -> None:
        with database.system() as conn:
            operator.execute("select pg_terminate_backend(%s, 5000)", (conn.info.backend_pid,))
            conn.execute("select 1")

    with pytest.raises(DatabaseUnavailable, match="DATABASE_URL"):
        lose_the_backend()


def test_what_the_database_refuses_is_not_taken_for_an_outage(database: Database) -> None:
    """A lock that is not available stays what it is: the database is there."""
    with database.owner() as conn:
        conn.execute("lock table tenants in access exclusive mode")
        with database.system() as other:
            other.execute("set local lock_timeout = '10ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                other.execute("select from tenants")
            other.rollback()


def test_a_database_that_is_away_is_tried_anew(
    database: Database, operator: psycopg.Connection, database_name: str
) -> None:
    """Lost connections are given up soon, not tried ever more rarely: who asks when the server is back is answered."""
    allow = sql.SQL("alter database {} allow_connections {}")
    with database.system() as conn:
        backend = conn.info.backend_pid
    with psycopg.connect(operator.info.dsn, dbname="postgres", autocommit=True) as elsewhere:
        elsewhere.execute(allow.format(sql.Identifier(database_name), sql.Literal(False)))
        try:
            elsewhere.execute("select pg_terminate_backend(%s, 5000)", (backend,))
            with pytest.raises(DatabaseUnavailable):
                database.ask(uuid4(), "select 1", {}, patience=0.05)
            deadline = time.monotonic() + 60
            while database.connections()["open"]:  # those that are being opened count
                assert time.monotonic() < deadline, "a lost connection is still waited for"
                time.sleep(0.05)
        finally:
            elsewhere.execute(allow.format(sql.Identifier(database_name), sql.Literal(True)))
    assert database.ask(uuid4(), "select 1", {}) == [(1,)]
