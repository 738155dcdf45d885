"""Locks between processes, and how waiting for one ends."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from recsys.db.embedded.locks import EXCLUSIVE, SHARED, exclusive, open_lock, try_lock, wait_for_lock
from recsys.errors import EmbeddedServerError


def test_users_share_and_the_supervisor_does_not(tmp_path: Path) -> None:
    """Any number of shared locks go together; the exclusive one waits for all of them."""
    one, two, alone = (open_lock(tmp_path / "lock") for _ in range(3))
    assert try_lock(one, SHARED)
    assert try_lock(two, SHARED)
    assert not try_lock(alone, EXCLUSIVE)
    os.close(one)
    assert not try_lock(alone, EXCLUSIVE)
    os.close(two)
    assert try_lock(alone, EXCLUSIVE)
    os.close(alone)


def test_waiting_ends_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits is told so once, and gets an error with its remedy when patience ends."""
    monkeypatch.setattr("recsys.db.embedded.locks._TELL_AFTER", 0.01)
    told: list[str] = []
    other = open_lock(tmp_path / "lock")
    with exclusive(tmp_path / "lock", patience=1, waiting=lambda: None, late="never"):
        with pytest.raises(EmbeddedServerError, match="do this"):
            wait_for_lock(other, SHARED, patience=0.1, waiting=lambda: told.append("waiting"), late="do this")
        assert told == ["waiting"]
    assert try_lock(other, SHARED)
    os.close(other)


def test_a_program_that_is_executed_does_not_keep_the_lock(tmp_path: Path) -> None:
    """A child that outlives its command (a pager, a browser) does not hold the server."""
    mine, other = open_lock(tmp_path / "lock"), open_lock(tmp_path / "lock")
    assert try_lock(mine, SHARED)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False):
        os.close(mine)
        assert try_lock(other, EXCLUSIVE)
    os.close(other)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A lock is a file of ours, not whatever a link points at."""
    (tmp_path / "lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"):
        open_lock(tmp_path / "lock")
