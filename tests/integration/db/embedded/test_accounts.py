"""Who may use an embedded server: the account that owns its folder, root or not, and nobody else."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Folder, Folders

_KNOCK = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
_root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
_CLOSED = "#!/bin/sh\necho 'unshare: unshare failed: Operation not permitted' >&2\nexit 1\n"


@_root_only
def test_another_account_can_not_connect(folder: Folder, folders: Folders) -> None:
    """A process of another account gets a refusal from the kernel: it can not enter the folder of the socket."""
    stranger = folders("stranger", nobody=True).before
    command = folder.start()
    command.conninfo()
    knock = subprocess.run(
        [*stranger, "-c", _KNOCK, str(folder.server().socket)], capture_output=True, text=True, check=False
    )
    assert "PermissionError" in knock.stderr
    subprocess.run([sys.executable, "-c", _KNOCK, str(folder.server().socket)], check=True)


def test_no_tcp_port_is_open(folder: Folder) -> None:
    """The server listens on its socket only, even if its configuration file says otherwise."""
    folder.run("alter system set listen_addresses = '127.0.0.1'")
    command = folder.start()
    with psycopg.connect(command.conninfo()) as conn:
        assert conn.execute("show listen_addresses").fetchone() == ("",)
        assert conn.execute("show unix_socket_permissions").fetchone() == ("0700",)


def test_a_normal_user_can_use_it(folders: Folders) -> None:
    """Another account than root has its own server in a folder of mode 0700."""
    folder = folders(nobody=True)
    command = folder.start()
    command.conninfo()
    server = folder.server()
    assert server.socket_dir.name.startswith("recsys-65534-")
    assert server.socket_dir.stat().st_mode & 0o777 == 0o700
    command.ended()
    folder.assert_nothing_left(server.socket_dir)


def test_the_folder_of_another_account_is_refused(folders: Folders) -> None:
    """Root does not take over the database of a normal user; it is told to be that user."""
    folder = folders(nobody=True)
    folder.run("select 1")
    folder.assert_nothing_left()
    folder.before = [sys.executable]
    assert "belongs to nobody, and you are root. Run as nobody" in folder.refusal()


def test_a_closed_folder_of_another_account_is_refused_before_anything_is_made(folders: Folders) -> None:
    """Root can make a folder in a closed home, but Postgres, which does not run as root, could not get there."""
    folder = folders(nobody=True)
    folder.before = [sys.executable]
    assert "closed to others" in folder.refusal()
    assert list(folder.data_dir.iterdir()) == []


@_root_only
def test_closed_user_namespaces_are_explained(folder: Folder, tmp_path: Path) -> None:
    """Where root can not make a user namespace, the error says what to do instead."""
    (tmp_path / "unshare").write_text(_CLOSED, encoding="ascii")
    (tmp_path / "unshare").chmod(0o755)
    folder.environ["PATH"] = f"{tmp_path}:{os.environ['PATH']}"
    refusal = folder.refusal()
    assert "Operation not permitted" in refusal
    assert "Run as a normal user, or set DATABASE_URL" in refusal


@_root_only
def test_a_folder_that_may_not_be_written_to_is_explained(folder: Folder, folders: Folders) -> None:
    """A normal user with a data folder where only root may write is told which variable to set."""
    stranger = folders("stranger", nobody=True)
    folder.before, folder.environ = stranger.before, stranger.environ
    assert "Permission denied" in (refusal := folder.refusal())
    assert "Set RECSYS_DATA_DIR" in refusal
