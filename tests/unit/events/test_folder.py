"""Spool folders: who lives, who is dead, and where a spool may not lie."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recsys.errors import OperatorError
from recsys.events import folder


def test_a_new_spool_is_live_until_its_owner_lets_go(tmp_path: Path) -> None:
    """The lock, and nothing else, says whether the writer lives."""
    path, owner = folder.create(tmp_path)
    assert folder.is_live(path)

    os.close(owner)
    assert not folder.is_live(path)


def test_a_spool_dies_with_its_process(tmp_path: Path) -> None:
    """A killed process leaves a spool that everybody else sees as dead."""
    writer = (
        "import sys, pathlib; from recsys.events.folder import create; create(pathlib.Path(sys.argv[1])); "
        "print('created', flush=True); input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", writer, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        assert [spool.live for spool in folder.list_spools(tmp_path)] == [True]
        process.kill()
    assert [spool.live for spool in folder.list_spools(tmp_path)] == [False]


def test_only_the_last_segment_of_a_live_spool_is_open(tmp_path: Path) -> None:
    """A reader may rely on every other segment being complete."""
    path, owner = folder.create(tmp_path)
    for number in (1, 2, 3):
        (path / folder.segment_name(number)).write_bytes(b"x" * number)

    (live,) = folder.list_spools(tmp_path)
    assert [(one.name, one.size, one.closed) for one in live.segments] == [
        ("00000001", 1, True),
        ("00000002", 2, True),
        ("00000003", 3, False),
    ]
    os.close(owner)
    (dead,) = folder.list_spools(tmp_path)
    assert [one.closed for one in dead.segments] == [True] * 3


def test_only_a_dead_and_empty_spool_is_removed(tmp_path: Path) -> None:
    """Neither the folder of a living writer nor one with segments goes away; removing twice is harmless."""
    path, owner = folder.create(tmp_path)
    assert not folder.remove_dead(path)

    os.close(owner)
    (path / folder.segment_name(1)).touch()
    assert not folder.remove_dead(path)

    (path / folder.segment_name(1)).unlink()
    assert folder.remove_dead(path)
    assert not path.exists()
    folder.remove_dead(path)


def test_a_copy_without_its_lock_is_a_dead_spool(tmp_path: Path) -> None:
    """A folder restored without the owner file is drained like any other that was left behind."""
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / folder.segment_name(1)).touch()

    (spool,) = folder.list_spools(tmp_path)
    assert (spool.live, spool.segments[0].closed) == (False, True)


def test_a_newborn_spool_is_not_seen_before_it_is_locked(tmp_path: Path) -> None:
    """A folder between its making and its locking can not be taken for a dead one."""
    (tmp_path / ".newborn").mkdir()
    (tmp_path / folder.DAMAGED).mkdir()

    assert folder.list_spools(tmp_path) == []


def test_network_file_systems_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest mount that holds the folder decides, also under a name with blanks."""
    mounts = tmp_path / "mountinfo"
    shared = tmp_path / "a share"
    mounts.write_text(
        "22 1 8:1 / / rw - ext4 /dev/root rw\n"
        f"23 22 0:40 / {str(shared).replace(' ', chr(92) + '040')} rw shared:1 - nfs4 host:/x rw\n"
    )
    monkeypatch.setattr(folder, "_MOUNTS", mounts)

    folder.refuse_network(tmp_path / "local")
    with pytest.raises(OperatorError, match=r"nfs4.*RECSYS_DATA_DIR"):
        folder.create(shared / "spool")


def test_a_damaged_segment_outlives_its_removal(tmp_path: Path) -> None:
    """What is set aside keeps its bytes when the drain is through with the segment."""
    path, _ = folder.create(tmp_path)
    segment = path / folder.segment_name(1)
    segment.write_bytes(b"damaged")
    folder.set_aside(tmp_path, path.name, segment)
    folder.set_aside(tmp_path, path.name, segment)
    segment.unlink()

    assert [kept.read_bytes() for kept in folder.list_damaged(tmp_path)] == [b"damaged"]
