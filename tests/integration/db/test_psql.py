"""`recsys psql` and `recsys inspect`, from outside, as an operator calls them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from recsys.db.provision import Urls

RECSYS = str(Path(sys.executable).with_name("recsys"))
WHO = "select current_user, session_user, current_database()"


def environment(**variables: str) -> dict[str, str]:
    """Make an environment in which only *variables* tell recsys and libpq anything."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("RECSYS_", "DATABASE_URL", "PG"))}
    return kept | variables


@pytest.fixture
def external(urls: Urls, tmp_path: Path) -> dict[str, str]:
    """Variables of an installation with a Postgres of its own."""
    return environment(
        DATABASE_URL=urls.service, RECSYS_OWNER_DATABASE_URL=urls.owner, RECSYS_DATA_DIR=str(tmp_path / "data")
    )


@pytest.fixture
def embedded(tmp_path: Path) -> dict[str, str]:
    """Variables of an installation that starts its own Postgres."""
    return environment(RECSYS_DATA_DIR=str(tmp_path / "data"))


def recsys(variables: dict[str, str], *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    command = [RECSYS, *arguments]
    return subprocess.run(command, env=variables, input=given, capture_output=True, text=True, timeout=60, check=False)


def answer(variables: dict[str, str], query: str) -> str:
    """Ask through `recsys psql` what must succeed."""
    done = recsys(variables, "psql", "--", "-XAtc", query)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_shell_is_the_owners_in_both_kinds_of_installation(
    external: dict[str, str], embedded: dict[str, str], database_name: str
) -> None:
    """On DATABASE_URL and on the embedded database the shell acts as the owner, who is no superuser, and can write."""
    assert answer(external, WHO) == f"recsys_owner|recsys_admin|{database_name}"
    assert answer(embedded, WHO) == "recsys_owner|recsys_admin|recsys"
    for variables in (external, embedded):
        written = answer(variables, "insert into tenants (external_id, name) values ('acme', 'Acme') returning name")
        assert written.splitlines()[0] == "Acme"
        assert answer(variables, "select usesuper from pg_user where usename = session_user") == "f"


def test_the_exit_code_of_psql_is_passed_through(external: dict[str, str]) -> None:
    """A failed statement is 1, a script stopped by ON_ERROR_STOP 3, and everything fine 0."""
    assert recsys(external, "psql", "--", "-c", "select 1").returncode == 0
    assert recsys(external, "psql", "--", "-c", "select 1/0").returncode == 1
    stopped = recsys(external, "psql", "--", "-v", "ON_ERROR_STOP=1", "-f", "-", given="select 1/0;\nselect 2;")
    assert (stopped.returncode, "division by zero" in stopped.stderr) == (3, True)


def test_what_follows_the_dashes_is_psqls_alone(external: dict[str, str]) -> None:
    """After `--`, options that recsys has too go to psql; a script may come on standard input; quotes stay quotes."""
    assert "psql [OPTION]" in recsys(external, "psql", "--", "--help").stdout
    assert recsys(external, "psql", "--", "-XAt", given="select 'from stdin';").stdout == "from stdin\n"
    literal = "a b 'c' \"d\" $e"
    asked = recsys(external, "psql", "--", "-XAt", "-v", f"word={literal}", given="select :'word';")
    assert asked.stdout == f"{literal}\n"


def test_the_operators_own_options_stay(external: dict[str, str]) -> None:
    """PGOPTIONS, and options in the URL, are in force beside the role."""
    assert answer(external | {"PGOPTIONS": "-c work_mem=7MB"}, "show work_mem") == "7MB"
    url = make_conninfo(external["RECSYS_OWNER_DATABASE_URL"], options="-c work_mem=9MB", application_name="mine")
    told = external | {"RECSYS_OWNER_DATABASE_URL": url}
    assert answer(told, "show work_mem") == "9MB"
    assert answer(told, "select current_user, current_setting('application_name')") == "recsys_owner|mine"


def test_a_login_that_may_not_act_as_the_owner_gets_what_it_may(
    external: dict[str, str], urls: Urls, postgres: Any, database_name: str
) -> None:
    """Without an owner URL the service's login becomes the system role, a stranger itself, and a sentence says so."""
    app = external | {"RECSYS_OWNER_DATABASE_URL": urls.service}
    done = recsys(app, "psql", "--", "-XAtc", WHO)
    assert done.stdout == f"recsys_system|recsys_app|{database_name}\n"
    assert "recsys_app may not act as recsys_owner" in done.stderr
    assert "RECSYS_OWNER_DATABASE_URL" in done.stderr
    looked = recsys(app, "inspect")
    assert (looked.returncode, "recsys_system" in looked.stderr) == (0, True)
    with psycopg.connect(postgres.conninfo(), autocommit=True) as conn:
        conn.execute("drop role if exists a_stranger")
        conn.execute("create role a_stranger login")
    stranger = external | {"RECSYS_OWNER_DATABASE_URL": make_conninfo(urls.owner, user="a_stranger")}
    assert recsys(stranger, "psql", "--", "-XAtc", "select current_user").stdout == "a_stranger\n"
    refused = recsys(stranger, "inspect")
    assert (refused.returncode, "recsys migrate roles" in refused.stderr) == (1, True)


def test_a_database_that_serving_refuses_can_be_opened(
    external: dict[str, str], postgres: Any, database_name: str
) -> None:
    """A superuser's URL, which `serve` refuses, opens a shell and an inspection: that is how one repairs it."""
    superuser = external | {"DATABASE_URL": postgres.conninfo(database_name), "RECSYS_OWNER_DATABASE_URL": ""}
    assert recsys(superuser, "tenants", "list").returncode == 1
    assert answer(superuser, "select current_user") == "recsys_owner"
    assert recsys(superuser, "inspect", "tenants").returncode == 0


def test_a_database_without_a_schema_says_what_to_run(external: dict[str, str], postgres: Any) -> None:
    """On an empty database psql opens, and inspect names the command that makes the schema."""
    url = postgres.conninfo("template1")
    empty = external | {"DATABASE_URL": url, "RECSYS_OWNER_DATABASE_URL": url}
    assert answer(empty, "select 1") == "1"
    done = recsys(empty, "inspect")
    assert (done.returncode, "recsys migrate up" in done.stderr) == (1, True)


def test_a_database_that_is_away_is_a_sentence(external: dict[str, str], tmp_path: Path) -> None:
    """Nothing that listens is answered with a sentence and 1, not with a traceback."""
    away = external | {"RECSYS_OWNER_DATABASE_URL": make_conninfo(host=str(tmp_path), dbname="recsys")}
    for command in ("psql", "inspect"):
        done = recsys(away, command)
        assert (done.returncode, "Traceback" in done.stderr) == (1, False)
        assert "can not be reached" in done.stderr


def test_ctrl_c_cancels_the_query_and_keeps_the_shell(external: dict[str, str], operator: psycopg.Connection) -> None:
    """An interrupt reaches the whole group of processes: psql cancels its query and takes the next one."""
    screen, terminal = os.openpty()  # without one psql ends where it is interrupted
    with os.fdopen(screen, "w") as keyboard, os.fdopen(terminal) as opened:
        process = subprocess.Popen(
            [RECSYS, "psql", "--", "-XAt", "-v", "PROMPT1=", "-v", "PROMPT2="],
            env=external | {"PGAPPNAME": "interrupted"},
            stdin=opened,
            stdout=opened,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        print("select pg_sleep(50);", file=keyboard, flush=True)
        _wait_until_it_sleeps(operator)
        os.killpg(process.pid, signal.SIGINT)
        print("select 'still ' || 'here';\n\\q", file=keyboard, flush=True)
        _, err = process.communicate(timeout=30)
        out = os.read(screen, 65536)
    assert (b"still here" in out, "canceling statement" in err, process.returncode) == (True, True, 0)


def _wait_until_it_sleeps(operator: psycopg.Connection) -> None:
    sleeping = "select 1 from pg_stat_activity where application_name = 'interrupted' and wait_event = 'PgSleep'"
    deadline = time.monotonic() + 30
    while operator.execute(sleeping).fetchone() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_inspect_speaks_to_programs(external: dict[str, str]) -> None:
    """`--json` gives tables with their figures, namespaces with their coverage, and one table with its columns."""
    answer(external, "insert into tenants (external_id, name) values ('[acme]', 'Acme')")
    everything = json.loads(recsys(external, "inspect", "--json").stdout)
    assert {"name", "purpose", "rows", "bytes", "partitions", "last_write"} == set(everything["tables"][0])
    assert [row["tenant"] for row in everything["coverage"]] == ["[acme]"]
    one = json.loads(recsys(external, "inspect", "tenants", "--json").stdout)
    assert (one["name"], one["columns"][0]["name"], one["indexes"][0]["name"]) == ("tenants", "id", "tenants_pkey")
    shown = recsys(external, "inspect").stdout
    assert "[acme]" in shown
