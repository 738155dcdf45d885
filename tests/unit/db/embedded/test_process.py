"""Processes are known by what they are and where they work, never by their number alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest

from recsys.db.embedded.postmaster import PidFile
from recsys.db.embedded.process import Process, find


def test_a_process_that_is_no_postgres_is_not_found(tmp_path: Path) -> None:
    """A process that works in the folder, such as an operator's shell, is left alone."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, cwd=tmp_path) as shell:
        assert find(shell.pid, tmp_path) is None


def test_a_postgres_that_works_elsewhere_is_not_found(tmp_path: Path) -> None:
    """The server of another folder is left alone, though its number may stand in our postmaster.pid."""
    (tmp_path / "postgres").symlink_to("/bin/cat")
    command = [tmp_path / "postgres"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path) as other:
        _wait_until_it_runs(other)
        found = find(other.pid, tmp_path)
        assert found is not None
        assert found.pid == other.pid
        (tmp_path / "ours").mkdir()
        assert find(other.pid, tmp_path / "ours") is None


def _wait_until_it_runs(cat: subprocess.Popen[bytes]) -> None:
    """Get a line back: a program has its name only some time after Popen has returned."""
    assert cat.stdin is not None
    assert cat.stdout is not None
    cat.stdin.write(b"\n")
    cat.stdin.flush()
    assert cat.stdout.readline() == b"\n"


def test_a_process_that_ignores_the_gentle_signal_gets_the_next() -> None:
    """Each signal is given its time; the last one is not ignored."""
    with subprocess.Popen(
        ["sh", "-c", "trap '' TERM; echo; cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as deaf:
        assert deaf.stdout is not None
        deaf.stdout.readline()
        process = Process(deaf.pid)
        process.end(((SIGTERM, 0.05), (SIGKILL, 10)))
        assert process.ended(within=0)


def test_a_process_that_is_gone_can_not_be_held() -> None:
    """The number of a process that ended may belong to another one soon."""
    with subprocess.Popen(["true"]) as gone:
        held = Process(gone.pid)
    assert held.ended(within=0)
    held.end(((SIGKILL, 0),))
    with pytest.raises(ProcessLookupError):
        Process(gone.pid)


@pytest.mark.parametrize("text", ["", "123\n", "123\n/data\n1\n5432\n/tmp/x\n\n", "x\n" * 8])
def test_an_unfinished_file_of_the_postmaster_says_nothing(tmp_path: Path, text: str) -> None:
    """postmaster.pid is written line by line; until the status is there, there is nothing to go by."""
    (tmp_path / "postmaster.pid").write_text(text, encoding="ascii")
    assert PidFile.read(tmp_path) is None


def test_the_file_of_the_postmaster_is_read(tmp_path: Path) -> None:
    """Process, socket folder and status stand on the first, fifth and eighth line; the status is padded."""
    lines = [str(os.getpid()), "/data", "1", "5432", "/tmp/x", "", "  1  2", "ready   "]  # noqa: S108  no file is made
    (tmp_path / "postmaster.pid").write_text("\n".join(lines) + "\n", encoding="ascii")
    assert PidFile.read(tmp_path) == PidFile(os.getpid(), Path("/tmp/x"), "ready")  # noqa: S108  the same
