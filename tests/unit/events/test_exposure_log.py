"""The file that served lists are written to as they happen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recsys.errors import OperatorError
from recsys.events import exposure_log as module
from recsys.events.exposure_log import ExposureLog


def test_lines_are_appended_in_order(tmp_path: Path) -> None:
    """Every line is in the file when the log is closed, behind what was there before."""
    path = tmp_path / "exposures.jsonl"
    path.write_bytes(b"before\n")
    with ExposureLog(path) as log:
        for number in range(1000):
            log.append(b"%d\n" % number)
    assert path.read_bytes().split() == [b"before", *(b"%d" % number for number in range(1000))]


@pytest.mark.parametrize("rotate", ["move", "remove", "truncate"])
def test_rotation_needs_no_signal(tmp_path: Path, rotate: str) -> None:
    """After logrotate moved, removed or truncated the file, the next line is in a file of the name; none is lost."""
    path, moved = tmp_path / "exposures.jsonl", tmp_path / "exposures.jsonl.1"
    with ExposureLog(path) as log:
        log.append(b"old\n")
        log._flush()
        match rotate:
            case "move":
                path.rename(moved)
            case "remove":
                path.unlink()
            case "truncate":
                os.truncate(path, 0)
        log.append(b"new\n")
    assert path.read_bytes() == b"new\n"
    if rotate == "move":
        assert moved.read_bytes() == b"old\n"


def test_a_file_that_can_not_be_made_stops_the_start(tmp_path: Path) -> None:
    """The sentence names the variable."""
    with pytest.raises(OperatorError, match="RECSYS_EXPOSURE_LOG_PATH"), ExposureLog(tmp_path / "absent" / "log"):
        pass


def test_a_full_disk_costs_lines_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that can not be written are counted; a line that was cut is ended before the next one."""
    path = tmp_path / "exposures.jsonl"
    write = os.write
    with ExposureLog(path) as log:
        monkeypatch.setattr(module.os, "write", lambda file, data: write(file, data[:3]))
        log.append(b"first\n")
        log._flush()
        monkeypatch.setattr(module.os, "write", write)
        log.append(b"second\n")
        log._flush()
    assert path.read_bytes() == b"fir\nsecond\n"
    assert log.dropped == 1


def test_what_waits_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the disk is slow, lines beyond the bound are given up and counted."""
    monkeypatch.setattr(module, "WAITING_MAX", 2)
    log = ExposureLog(tmp_path / "log")
    for _ in range(5):
        log.append(b"x\n")
    assert log.dropped == 3
