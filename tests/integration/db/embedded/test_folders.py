"""Data folders with every kind of path and content."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recsys.db.binaries import installed

if TYPE_CHECKING:
    from conftest import Folder, Folders


@pytest.mark.parametrize(
    "name", ["with 'quotes\" and spaces, and é", "/".join(["d" * 150] * 5)], ids=["spaces", "800 bytes"]
)
def test_any_path_will_do(folders: Folders, name: str) -> None:
    """The path of the folder reaches neither the socket's path nor a shell."""
    folder = folders(name)
    folder.run("create table there ()")
    folder.run("select * from there")


def test_a_path_that_postgres_would_cut_off_is_refused(folders: Folders) -> None:
    """More than 900 bytes are refused, with the variable to set."""
    assert "Set RECSYS_DATA_DIR to a folder with a shorter path" in folders("/".join(["d" * 150] * 7)).refusal()


@pytest.mark.parametrize("name", ["t" * 150, "a,b"])
def test_a_temporary_folder_that_no_socket_can_be_in_is_not_used(folder: Folder, tmp_path: Path, name: str) -> None:
    """A long path does not fit into a socket's, and libpq reads a comma as two hosts."""
    (tmp_path / name).mkdir()
    folder.environ["TMPDIR"] = str(tmp_path / name)
    command = folder.start()
    command.conninfo()
    assert folder.server().socket_dir.parent == Path("/tmp")  # noqa: S108  what is expected
    assert list((tmp_path / name).iterdir()) == []


def test_a_temporary_folder_of_ones_own_is_used_by_all(folder: Folder) -> None:
    """Commands with different temporary folders meet at the one of the command that started the server."""
    with tempfile.TemporaryDirectory(prefix="rt-") as own:
        folder.environ["TMPDIR"] = own
        first = folder.start()
        conninfo = first.conninfo()
        assert folder.server().socket_dir.parent == Path(own)
        del folder.environ["TMPDIR"]
        second = folder.start()
        assert second.conninfo() == conninfo
        first.ended()
        second.ended()
        folder.assert_nothing_left()


def test_the_database_of_another_major_version_is_refused(folders: Folders) -> None:
    """The refusal names both versions and the installation that fits."""
    majors = {found.version[0]: found for found in installed()}
    if len(majors) < 2:
        pytest.skip("only one major version of Postgres is installed here")
    older, newer = majors[min(majors)], majors[max(majors)]
    folder = folders(binaries=older)
    folder.run("select 1")
    folder.environ["RECSYS_POSTGRES_BIN"] = str(newer.folder)
    refusal = folder.refusal()
    assert f"was made by Postgres {older.version[0]}" in refusal
    assert f"Set RECSYS_POSTGRES_BIN to {older.folder}" in refusal


def test_a_folder_with_something_else_in_it_is_refused(folder: Folder) -> None:
    """What is not a database is neither used nor overwritten."""
    folder.home.data.mkdir(parents=True)
    (folder.home.data / "letters.txt").write_text("dear", encoding="ascii")
    assert "is not a database of Postgres. Move it away" in folder.refusal()
    assert (folder.home.data / "letters.txt").exists()


def test_what_a_killed_initdb_left_is_cleared(folder: Folder) -> None:
    """A database is complete or not there: a half-made one is made again from the beginning."""
    half = folder.home.folder / "new-half"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n", encoding="ascii")
    folder.run("select 1")
    assert not half.exists()


def test_a_moved_folder_keeps_its_data(folder: Folder) -> None:
    """A folder that is moved, even under a running server, goes on being the same database."""
    command = folder.start("create table there ()")
    command.ended()
    command = folder.start()
    conninfo = command.conninfo()
    folder.data_dir = folder.data_dir.rename(folder.data_dir.with_name("moved"))
    joined = folder.start()
    assert joined.conninfo() == conninfo
    command.ended()
    joined.ended()
    folder.assert_nothing_left()
    folder.run("select * from there")
