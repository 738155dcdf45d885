"""The address of an embedded server, as libpq and as a file understand it."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from recsys.db.embedded.server import Server


@pytest.mark.parametrize("dbname", ["recsys", "it's", "back\\slash", "two words", "ünïcode", ""])
def test_libpq_reads_back_what_was_put_in(dbname: str) -> None:
    """Quotes, backslashes and spaces survive in the connection string."""
    server = Server(Path("/tmp/my folder's"), 5432, (18, 6))  # noqa: S108  no file is made there
    assert conninfo_to_dict(server.superuser_conninfo(dbname)) == {
        "host": "/tmp/my folder's",  # noqa: S108  the same
        "hostaddr": "",
        "port": "5432",
        "user": "postgres",
        "dbname": dbname,
    }


def test_a_server_is_read_as_it_was_written(tmp_path: Path) -> None:
    """What the supervisor writes is what a command reads."""
    server = Server(tmp_path / "with space é", 5432, (15, 18))
    server.write(tmp_path / "server.json")
    assert Server.read(tmp_path / "server.json") == server


def test_no_file_means_no_server(tmp_path: Path) -> None:
    """Before the server is ready there is nothing to read."""
    assert Server.read(tmp_path / "server.json") is None


def test_a_socket_that_nobody_listens_on_does_not_answer(tmp_path: Path) -> None:
    """Neither a missing socket nor one left by a dead process is an answer."""
    server = Server(tmp_path, 5432, (18, 6))
    assert not server.answers()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(server.socket))
    assert not server.answers()


def test_a_server_that_says_nothing_does_not_answer(tmp_path: Path) -> None:
    """A stopped process still accepts connections, by the kernel's courtesy; only a byte from it counts."""
    server = Server(tmp_path, 5432, (18, 6))
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(server.socket))
        silent.listen()
        assert not server.answers(timeout=0.05)
        speaker = threading.Thread(target=_answer_once, args=(silent,))
        speaker.start()
        assert server.answers()
        speaker.join()


def _answer_once(listener: socket.socket) -> None:
    listener.accept()[0].close()  # the one that gave up
    with listener.accept()[0] as client:
        assert client.recv(64)  # who closes before it has read resets the one who is still writing
        client.sendall(b"N")
