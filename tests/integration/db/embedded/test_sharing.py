"""Commands share one server, and the last one to end stops it."""

from __future__ import annotations

import os
import random
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from conftest import Folder, Folders
    from recsys.db.binaries import Binaries


def test_the_first_command_makes_the_database_and_the_last_one_stops_it(folders: Folders, binaries: Binaries) -> None:
    """Two commands reach the same server; it outlives the one that started it, and nothing outlives both."""
    folder = folders(binaries=binaries)
    first = folder.start()
    conninfo = first.conninfo()
    second = folder.start()
    assert second.conninfo() == conninfo
    server = folder.server()
    first.ended()
    with psycopg.connect(conninfo) as conn:
        assert conn.info.server_version // 10000 == binaries.version[0] == server.version[0]
    second.ended()
    folder.assert_nothing_left(server.socket_dir)


def test_the_person_is_told_what_takes_time(folder: Folder) -> None:
    """The first start says that the database is made, a later one that the server is started, a joining one nothing."""
    first = folder.run("select 1")
    assert "Starting the embedded Postgres" in first
    assert "first time: making the database" in first
    again = folder.start()
    again.conninfo()
    assert folder.run("select 1") == ""
    told = again.ended()
    assert "Starting the embedded Postgres" in told
    assert "first time" not in told


def test_a_killed_command_no_longer_counts(folder: Folder) -> None:
    """The server stops when its only user is killed with SIGKILL."""
    command = folder.start()
    command.conninfo()
    server = folder.server()
    command.kill()
    folder.assert_nothing_left(server.socket_dir)


def test_a_command_that_is_killed_while_the_server_starts_leaves_nothing(folder: Folder) -> None:
    """Killed while initdb runs: the supervisor finishes, finds that nobody is there, and ends; the next one works."""
    command = folder.start()
    command.hears()
    folder.until(lambda: any(folder.home.folder.glob("new-*")))
    command.kill()
    folder.assert_nothing_left()
    folder.run("select 1")


def test_two_folders_have_two_servers(folders: Folders) -> None:
    """Servers of different folders run side by side and do not see each other's tables."""
    one, other = folders("one"), folders("other")
    one.run("create table only_here ()")
    first, second = one.start(), other.start()
    with psycopg.connect(first.conninfo()) as here, psycopg.connect(second.conninfo()) as there:
        assert here.execute("select to_regclass('only_here') is not null").fetchone() == (True,)
        assert there.execute("select to_regclass('only_here') is not null").fetchone() == (False,)
    first.ended()
    second.ended()


def test_the_environment_of_libpq_does_not_lead_elsewhere(folder: Folder) -> None:
    """PGHOSTADDR and its like, set for another database, change neither the server nor the way to it."""
    folder.environ |= {"PGHOSTADDR": "192.0.2.1", "PGPORT": "1", "PGDATA": "/nowhere", "PGUSER": "x", "LC_ALL": "xx_XX"}
    folder.run("select 1")


@pytest.mark.timeout(240)
def test_sixty_commands_at_random_times(folder: Folder) -> None:
    """Of sixty commands 20 are killed and one gets Ctrl-C, whatever they do; the others succeed, and none is left."""
    folder.run("create table came (n int primary key)")
    chance = random.Random(2718)  # noqa: S311  chance that can be repeated
    doomed = dict.fromkeys(chance.sample(range(60), 20), "KILL")
    doomed[next(n for n in range(60) if n not in doomed)] = "INT"
    running = {n: _storm(folder, n, chance.uniform(0, 9), chance.uniform(0.05, 1.2), doomed.get(n)) for n in range(60)}
    told = {n: command.communicate(timeout=200)[1] for n, command in running.items()}
    failed = {n: told[n] for n, command in running.items() if command.returncode != 0 and n not in doomed}
    assert failed == {}
    folder.assert_nothing_left()
    command = folder.start()
    with psycopg.connect(command.conninfo()) as conn:
        came = {n for (n,) in conn.execute("select n from came")}
    assert came >= set(range(60)) - set(doomed)
    socket_dir = folder.server().socket_dir
    command.ended()
    folder.assert_nothing_left(socket_dir)


def _storm(folder: Folder, n: int, begin: float, life: float, end: str | None) -> subprocess.Popen[str]:
    """Run a command from *begin* on; with *end*, its process group gets this signal after *life* seconds."""
    command = [sys.executable, str(Path(__file__).with_name("command.py")), f"insert into came values ({n})"]  # noqa: S608  a number of ours
    limit = ["timeout", f"--signal={end}", f"{life:.3f}"] if end else []
    return subprocess.Popen(
        ["sh", "-c", f"sleep {begin:.3f}; exec {shlex.join(limit + command)}"],
        env={**os.environ, "RECSYS_DATA_DIR": str(folder.data_dir)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_reaches_the_command_and_not_the_server(folder: Folder) -> None:
    """SIGINT to the process group of the command that started the server leaves the server to the other command."""
    first = folder.start()
    first.conninfo()
    second = folder.start()
    conninfo = second.conninfo()
    postmaster = folder.postmaster()
    os.killpg(first.process.pid, signal.SIGINT)
    first.process.communicate(timeout=10)
    assert first.process.returncode != 0
    with psycopg.connect(conninfo) as conn:
        conn.execute("select 1")
    assert folder.postmaster() == postmaster
    second.ended()
