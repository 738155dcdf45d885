"""After a crash, of whichever process, the next command works and every committed row is there."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from recsys.db.embedded.process import find_all

if TYPE_CHECKING:
    from conftest import Folder, Folders
    from recsys.db.binaries import Binaries

_BUSY = "do $$ begin loop end loop; end $$"


def _write_a_row(conninfo: str) -> None:
    with psycopg.connect(conninfo) as conn:
        conn.execute("create table if not exists kept (n int)")
        conn.execute("insert into kept values (1)")


def _answers(conninfo: str) -> bool:
    try:
        psycopg.connect(conninfo).close()
    except psycopg.OperationalError:
        return False
    return True


def _rows(conninfo: str) -> int:
    with psycopg.connect(conninfo) as conn:
        found = conn.execute("select count(*) from kept").fetchone()
    assert found is not None
    return int(found[0])


def test_a_killed_server_comes_back_by_itself(folders: Folders, binaries: Binaries) -> None:
    """`kill -9` of the postmaster under a running command: the same address answers again, with the committed rows."""
    folder = folders(binaries=binaries)
    command = folder.start()
    conninfo = command.conninfo()
    _write_a_row(conninfo)
    killed = folder.postmaster()
    folder.kill(killed)
    folder.until(lambda: _answers(conninfo) and folder.postmaster() != killed)
    assert _rows(conninfo) == 1
    socket_dir = folder.server().socket_dir
    command.ended()
    folder.assert_nothing_left(socket_dir)


def test_everything_killed_at_once(folders: Folders, binaries: Binaries) -> None:
    """Command, supervisor and server killed with SIGKILL, as by a power cut: the next command finds the rows."""
    folder = folders(binaries=binaries)
    command = folder.start()
    _write_a_row(command.conninfo())
    postmaster = folder.postmaster()
    os.kill(folder.supervisor(), signal.SIGSTOP)  # or it would see the next line and begin to repair
    folder.kill(postmaster)
    folder.kill(folder.supervisor())
    command.kill()
    after = folder.start()
    assert _rows(after.conninfo()) == 1
    socket_dir = folder.server().socket_dir
    after.ended()
    folder.assert_nothing_left(socket_dir)


def test_a_killed_supervisor_is_replaced(folder: Folder) -> None:
    """Without its supervisor a server is started again, or taken over, by the next command, and stopped as ever."""
    command = folder.start()
    _write_a_row(command.conninfo())
    folder.kill(folder.supervisor())
    after = folder.start()
    assert _rows(after.conninfo()) == 1
    socket_dir = folder.server().socket_dir
    command.ended()
    after.ended()
    folder.assert_nothing_left(socket_dir)


def test_a_server_without_supervisor_is_taken_over(folders: Folders) -> None:
    """Where the server is not bound to its supervisor (no root), it lives on, and the next command adopts it."""
    folder = folders(nobody=True)
    command = folder.start()
    command.conninfo()
    server = folder.postmaster()
    folder.kill(folder.supervisor())
    after = folder.start()
    after.conninfo()
    assert folder.postmaster() == server
    socket_dir = folder.server().socket_dir
    command.ended()
    after.ended()
    folder.assert_nothing_left(socket_dir)


def test_a_supervisor_that_is_told_to_end_stops_the_server(folder: Folder) -> None:
    """SIGTERM to the supervisor, as when a machine shuts down: a clean stop, and the next command starts anew."""
    command = folder.start()
    _write_a_row(command.conninfo())
    socket_dir = folder.server().socket_dir
    os.kill(folder.supervisor(), signal.SIGTERM)
    folder.assert_nothing_left(socket_dir)
    assert "database system is shut down" in folder.home.log.read_text(encoding="utf-8")
    after = folder.start()
    assert _rows(after.conninfo()) == 1


def test_a_server_that_somebody_else_stops_is_started_again(folder: Folder) -> None:
    """SIGTERM to the postmaster means waiting for clients while refusing new ones; the supervisor cuts that short."""
    command = folder.start()
    conninfo = command.conninfo()
    stopped = folder.postmaster()
    with psycopg.connect(conninfo):
        os.kill(stopped, signal.SIGTERM)
        folder.until(lambda: _answers(conninfo) and folder.postmaster() != stopped)


def test_a_socket_that_was_cleaned_away_comes_back(folder: Folder) -> None:
    """Who empties the temporary folder does not cut off the commands to come."""
    command = folder.start()
    conninfo = command.conninfo()
    subprocess.run(["rm", "-r", str(folder.server().socket_dir)], check=True)
    folder.run("select 1")
    assert _answers(conninfo)


@pytest.mark.parametrize("where", ["data/postmaster.pid", "socket lock"])
def test_a_lock_file_that_names_a_foreign_process_is_no_obstacle(folder: Folder, where: str) -> None:
    """After a reboot the process ids in lock files belong to others, which are left alone."""
    command = folder.start()
    command.conninfo()
    socket_dir = folder.server().socket_dir
    stale = folder.home.data / "postmaster.pid" if where.startswith("data") else socket_dir / ".s.PGSQL.5432.lock"
    lines = stale.read_text(encoding="ascii").splitlines()
    command.ended()
    folder.assert_nothing_left(socket_dir)
    with subprocess.Popen(["sleep", "60"]) as foreign:
        socket_dir.mkdir(mode=0o700)
        stale.write_text("\n".join([str(foreign.pid), *lines[1:]]) + "\n", encoding="ascii")
        assert "does not start" not in folder.run("select 1")
        assert foreign.poll() is None
        foreign.kill()
    folder.assert_nothing_left(socket_dir)


def test_a_backend_that_outlives_its_killed_server_is_ended(folders: Folders, binaries: Binaries) -> None:
    """A busy backend keeps the memory of the killed server; the next command does not wait for it to notice."""
    folder = folders(binaries=binaries)
    command = folder.start()
    busy = psycopg.connect(command.conninfo())
    backend = busy.info.backend_pid
    worker = threading.Thread(target=_run_until_it_breaks, args=(busy,))
    worker.start()
    folder.until(lambda: _is_busy(backend))
    os.kill(folder.supervisor(), signal.SIGSTOP)
    folder.kill(folder.postmaster())
    folder.kill(folder.supervisor())
    assert backend in {process.pid for process in find_all(folder.home.data)}
    assert "does not start" not in folder.run("select 1")
    command.ended()
    worker.join(timeout=10)
    busy.close()
    folder.assert_nothing_left()


def _run_until_it_breaks(conn: psycopg.Connection) -> None:
    with pytest.raises(psycopg.OperationalError):
        conn.execute(_BUSY)


def _is_busy(backend: int) -> bool:
    """Tell whether the loop has begun: it has used a tenth of a second of its own."""
    used = Path(f"/proc/{backend}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[11]
    return int(used) >= 10


def test_a_start_that_fails_says_why_and_goes_on_when_it_can(folder: Folder) -> None:
    """A server that does not start is tried again, with the reason in Postgres' own words."""
    folder.run("select 1")
    folder.assert_nothing_left()
    conf = folder.home.data / "postgresql.conf"
    good = conf.read_text(encoding="utf-8")
    conf.write_text(good + "\nshared_buffers = nonsense\n", encoding="utf-8")
    command = folder.start()
    command.hears()
    assert "FATAL" in command.hears()
    conf.write_text(good, encoding="utf-8")
    assert _answers(command.conninfo())


def test_a_folder_that_was_deleted_and_made_again_is_another_one(folder: Folder) -> None:
    """Who still uses the deleted database disturbs nobody who uses the new one, not even by ending."""
    old = folder.start()
    assert _answers(old.conninfo())
    old_dir = folder.server().socket_dir
    deleted = folder.data_dir.rename(folder.data_dir.with_name("gone"))
    subprocess.run(["rm", "-rf", str(deleted)], check=True)
    new = folder.start()
    conninfo = new.conninfo()
    postmaster = folder.postmaster()
    old.ended()
    folder.until(lambda: not old_dir.exists())
    assert _answers(conninfo)
    assert folder.postmaster() == postmaster
    new.ended()
    folder.assert_nothing_left()


def test_the_log_is_bounded(folder: Folder) -> None:
    """A log that has grown large is cut, and its last part kept beside it."""
    command = folder.start()
    command.conninfo()
    with folder.home.log.open("a", encoding="utf-8") as log:
        log.write("x" * (9 << 20))
    folder.until(lambda: folder.home.log.stat().st_size < 1 << 20)
    assert folder.home.log.with_name("server.log.1").stat().st_size > 8 << 20
    command.ended()
