"""The scripts that a person runs: what they say when the machine lacks something."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with what scripts/install reads, and no .venv."""
    folder = tmp_path / "a clone"
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    for name in ("pyproject.toml", "requirements.lock", "requirements-dev.lock", "requirements-build.lock"):
        shutil.copy(ROOT / name, folder)
    return folder


def run(clone: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run scripts/install with some variables changed."""
    return subprocess.run(
        [clone / "scripts" / "install", *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def only_tools(folder: Path, *tools: str) -> str:
    """Make a PATH that has just these tools."""
    folder.mkdir()
    for tool in tools:
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    return str(folder)


def test_a_python_that_is_too_old_is_refused_with_a_sentence(clone: Path, tmp_path: Path) -> None:
    """Where only an old Python is found, install names the version it needs and the one it saw."""
    path = only_tools(tmp_path / "bin", "sh", "dirname")
    old = tmp_path / "bin" / "python3"
    old.write_text("#!/bin/sh\n[ \"$1\" = --version ] && echo 'Python 3.8.10' && exit 0\nexit 1\n")
    old.chmod(0o755)
    done = run(clone, PATH=path, PYTHON="")
    assert done.returncode == 1
    assert "Python 3.11 or newer" in done.stderr
    assert "Python 3.8.10" in done.stderr


def test_a_machine_without_python_is_told_so(clone: Path, tmp_path: Path) -> None:
    """Where there is no Python at all, install says what to install."""
    done = run(clone, PATH=only_tools(tmp_path / "bin", "sh", "dirname"), PYTHON="")
    assert done.returncode == 1
    assert "no python3 was found" in done.stderr


def test_an_index_that_can_not_be_reached_is_named_as_the_cause(clone: Path) -> None:
    """Where packages can not be had, install stops with a sentence, and a later run begins anew."""
    done = run(
        clone, PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_FIND_LINKS="", PIP_RETRIES="0", PIP_NO_CACHE_DIR="1"
    )
    assert done.returncode == 1
    assert "package index" in done.stderr
    assert not list((clone / ".venv").glob("*.done"))


def test_an_unknown_option_is_refused(clone: Path) -> None:
    """A misspelt option changes nothing and shows the usage."""
    done = run(clone, "--developer")
    assert done.returncode == 1
    assert "Usage" in done.stderr
