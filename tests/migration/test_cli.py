"""`recsys migrate` and `recsys partitions` from outside: exit codes, what goes to stdout, what a program reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from recsys.db.migrations import required, shipped

RECSYS = str(Path(sys.executable).with_name("recsys"))
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def empty(new_database: Callable[[], Any]) -> Any:
    """Make a database that holds nothing yet."""
    return new_database()


@pytest.fixture
def recsys(empty: Any) -> Run:
    """Run a command of recsys on that database."""
    environment = {**os.environ, "DATABASE_URL": empty.service, "RECSYS_OWNER_DATABASE_URL": empty.owner}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([RECSYS, *arguments], env=environment, capture_output=True, text=True, check=False)

    return run


def test_from_nothing_to_a_schema_with_its_runway(recsys: Run) -> None:
    """`up` names what it applied on stdout; right after it `partitions run` makes the runway that status then shows."""
    planned = recsys("migrate", "up", "--dry-run")
    assert planned.stdout.splitlines() == [f"{migration.file} would be applied" for migration in shipped()]
    done = recsys("migrate", "up")
    assert (done.returncode, done.stdout.splitlines()) == (0, [f"{migration.file} applied" for migration in shipped()])
    states = json.loads(recsys("migrate", "status", "--json").stdout)
    assert {step["state"] for step in states} == {"applied"}
    assert recsys("partitions", "run").returncode == 0
    logs = {log["table"]: log for log in json.loads(recsys("partitions", "status", "--json").stdout)}
    for table in ("exposure_events", "interaction_events", "audit_log"):
        assert len(logs[table]["partitions"]) == 4
        assert logs[table]["runway_days"] > 89
        assert logs[table]["next"] == {"replace": [], "make": [], "retire": []}


def test_preflight_stops_at_a_changed_byte(recsys: Run, empty: Any) -> None:
    """A file that is not the one that was applied gives exit code 3 and its name; so does `up`, as a failure."""
    recsys("migrate", "up")
    assert recsys("migrate", "preflight").returncode == 0
    with psycopg.connect(empty.owner) as conn:
        conn.execute("set role recsys_owner")
        conn.execute("update schema_migrations set checksum = 'other' where version = 2")
    looked = recsys("migrate", "preflight")
    assert (looked.returncode, "0002_change_log.sql" in looked.stdout) == (3, True)
    refused = recsys("migrate", "up")
    assert (refused.returncode, "0002_change_log.sql" in refused.stderr) == (1, True)


def test_sql_runs_in_psql_as_it_is_printed(recsys: Run, postgres: Any, empty: Any) -> None:
    """What `migrate sql` prints makes the first release with plain psql, for people with a tool of their own."""
    script = recsys("migrate", "sql", "--to", "10").stdout
    command = [postgres.binaries.program("psql"), "--quiet", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", empty.owner]
    ran = subprocess.run(
        [*command, "-c", "set role recsys_owner", "-f", "-"], input=script, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_down_is_never_an_accident(recsys: Run) -> None:
    """Without --allow-down it is a usage error; with it one step goes back, and the next `up` takes it again."""
    recsys("migrate", "up")
    assert recsys("migrate", "down").returncode == 2
    newest = shipped()[-1]
    assert recsys("migrate", "down", "--allow-down").returncode == 0
    assert recsys("migrate", "up").stdout.splitlines() == [f"{newest.file} applied"]


def test_an_unreachable_database_is_one_sentence(recsys: Run) -> None:
    """Nobody at the address ends with exit code 1 and a sentence, not with a traceback."""
    failed = recsys("migrate", "status", "--owner-url", "host=/nowhere dbname=x")
    assert failed.returncode == 1
    assert "can not be reached" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_the_service_wants_the_first_half_of_its_schema(recsys: Run) -> None:
    """On a schema older than the newest file of a first half the service says what to run; with that file it starts."""
    recsys("migrate", "up", "--to", str(required() - 1))
    refused = recsys("partitions", "status")
    assert (refused.returncode, "migrate up" in refused.stderr) == (1, True)
    recsys("migrate", "up", "--to", str(required()))
    assert recsys("partitions", "status").returncode == 0
