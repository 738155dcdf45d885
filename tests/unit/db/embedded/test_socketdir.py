"""The folder of the socket is ours and closed to others, or there is none."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from recsys.db.embedded.socketdir import make_socket_dir, remove_socket_dir, socket_dir_name
from recsys.errors import EmbeddedServerError


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make another temporary folder than the machine's; a short path, or the socket would go elsewhere."""
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Make a folder to name a socket folder after."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def test_it_is_closed_to_others(temporary: Path, data: Path) -> None:
    """Mode 0700, in the temporary folder, with the user's number in its name."""
    folder = make_socket_dir(data)
    assert folder.parent == temporary
    assert folder.name.startswith(f"recsys-{os.geteuid()}-")
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_name_belongs_to_the_folder_and_not_to_its_path(data: Path) -> None:
    """A moved folder keeps its name, a symbolic link leads to the same, and another folder on its path has another."""
    name = socket_dir_name(data)
    link = data.with_name("link")
    link.symlink_to(data)
    assert socket_dir_name(link) == name
    moved = data.rename(data.with_name("moved"))
    data.mkdir()
    assert socket_dir_name(moved) == name
    assert socket_dir_name(data) != name


def test_what_a_killed_server_left_is_cleared(temporary: Path, data: Path) -> None:
    """A socket and its lock file from before are gone when the folder is taken again."""
    del temporary
    folder = make_socket_dir(data)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / ".s.PGSQL.5432"))
    (folder / ".s.PGSQL.5432.lock").write_text("1\n", encoding="ascii")
    assert list(make_socket_dir(data).iterdir()) == []


@pytest.mark.parametrize("squat", ["open folder", "link to a folder", "file"])
def test_what_is_not_ours_is_refused(temporary: Path, data: Path, tmp_path: Path, squat: str) -> None:
    """What somebody else may have put under the name is not used, and the error says what to do."""
    place = temporary / socket_dir_name(data)
    if squat == "open folder":
        place.mkdir()
        place.chmod(0o770)
    elif squat == "file":
        place.touch(0o600)
    else:
        (tmp_path / "elsewhere").mkdir(0o700)
        place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EmbeddedServerError, match="Remove it, or set TMPDIR"):
        make_socket_dir(data)


def test_removing_it_leaves_nothing(temporary: Path, data: Path) -> None:
    """Folder and content go; removing it twice is fine."""
    folder = make_socket_dir(data)
    (folder / ".s.PGSQL.5432.lock").touch()
    remove_socket_dir(folder)
    remove_socket_dir(folder)
    assert list(temporary.iterdir()) == []
