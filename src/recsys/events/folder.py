"""Where spools lie: one folder per writing process, its segments by number, and the lock that says it lives.

::

    RECSYS_DATA_DIR/spool/
        019b2f…/            one spool; the name is its id
            owner           locked (flock) as long as the process that writes here lives
            00000001.seg    append-only; unlinked when all of it has been in Postgres for RECSYS_SPOOL_KEEP
        damaged/            segments with damaged bytes, kept for a person to look at
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from recsys.errors import OperatorError
from recsys.identifiers import uuid7

OWNER = "owner"
SUFFIX = ".seg"
DAMAGED = "damaged"

_NETWORK = (
    *("nfs", "cifs", "smb", "afs", "ceph", "gluster", "lustre", "beegfs", "ocfs2", "gfs2"),
    *("fuse.sshfs", "fuse.gluster", "fuse.ceph", "fuse.s3fs", "fuse.rclone", "fuse.juicefs"),
)
_MOUNTS = Path("/proc/self/mountinfo")


class SegmentFile(NamedTuple):
    """One file of a spool."""

    path: Path
    size: int
    closed: bool
    """Whether nothing will be appended any more."""

    @property
    def name(self) -> str:
        """Its name in `spool_positions`."""
        return self.path.stem


class SpoolFolder(NamedTuple):
    """One spool as it lay on disk when it was listed."""

    path: Path
    live: bool
    """Whether the process that writes it still runs."""
    segments: tuple[SegmentFile, ...]
    """In the order in which they were written."""

    @property
    def id(self) -> str:
        """Its name in `spool_positions`."""
        return self.path.name

    @property
    def size(self) -> int:
        """Bytes of all segments."""
        return sum(segment.size for segment in self.segments)


def segment_name(number: int) -> str:
    """Name the file of the segment with this number, from 1 on."""
    return f"{number:08d}{SUFFIX}"


def create(root: Path) -> tuple[Path, int]:
    """Make a spool of our own under *root*: its folder, and the open file whose lock says that we live.

    The folder appears under its name only when it is locked, so nobody ever sees a newborn spool as a dead one.
    OperatorError on a network file system, where neither the lock nor the sync can be relied on.
    """
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    refuse_network(root)
    spool_id = uuid7().hex
    newborn = root / f".{spool_id}"
    newborn.mkdir(mode=0o700)
    owner = os.open(newborn / OWNER, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    path = newborn.rename(root / spool_id)
    sync_folder(root)
    return path, owner


def list_spools(root: Path) -> list[SpoolFolder]:
    """List the spools under *root*, oldest first; an absent root has none."""
    try:
        with os.scandir(root) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir() and _is_spool(entry.name))
    except FileNotFoundError:
        return []
    return [spool for name in names if (spool := _list_spool(root / name)) is not None]


def _is_spool(name: str) -> bool:
    return not name.startswith(".") and name != DAMAGED


def _list_spool(path: Path) -> SpoolFolder | None:
    try:
        live = is_live(path)  # before its files are listed: a dead process adds nothing to them
        with os.scandir(path) as entries:
            found = sorted((entry.name, entry.stat().st_size) for entry in entries if entry.name.endswith(SUFFIX))
    except FileNotFoundError:
        return None  # another drain has just removed it
    last = len(found) - 1
    segments = (SegmentFile(path / name, size, not live or at < last) for at, (name, size) in enumerate(found))
    return SpoolFolder(path, live, tuple(segments))


def is_live(path: Path) -> bool:
    """Tell whether the process that writes the spool at *path* still runs."""
    with _owner_lock(path, fcntl.LOCK_SH) as locked:
        return not locked


def remove_dead(path: Path) -> bool:
    """Remove the folder of a dead spool without segments; False when it lives or is not empty."""
    with _owner_lock(path, fcntl.LOCK_EX) as locked:
        if not locked or any(path.glob(f"*{SUFFIX}")):
            return False
        (path / OWNER).unlink(missing_ok=True)
        with suppress(FileNotFoundError):  # two drains may be at it
            path.rmdir()
        return True


@contextmanager
def _owner_lock(path: Path, mode: int) -> Iterator[bool]:
    try:
        owner = os.open(path / OWNER, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield True  # a copy of a spool without its lock, or a removal that was interrupted: nobody lives here
        return
    try:
        yield _lock(owner, mode)
    finally:
        os.close(owner)


def _lock(owner: int, mode: int) -> bool:
    try:
        fcntl.flock(owner, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def set_aside(root: Path, spool_id: str, segment: Path) -> Path:
    """Keep a damaged segment, under a second name that no drain removes. Idempotent."""
    kept = root / DAMAGED / f"{spool_id}-{segment.name}"
    kept.parent.mkdir(exist_ok=True, mode=0o700)
    if not kept.exists():
        kept.hardlink_to(segment)
    return kept


def list_damaged(root: Path) -> list[Path]:
    """List the segments that were set aside."""
    return sorted((root / DAMAGED).glob(f"*{SUFFIX}"))


def sync_folder(path: Path) -> None:
    """Make the names in a folder survive a power cut."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def refuse_network(root: Path) -> None:
    """Raise OperatorError when *root* lies on a network file system; where the system does not say, it is believed."""
    kind = _file_system(root.resolve())
    if kind.startswith(_NETWORK):
        raise OperatorError(
            f"The spool can not lie on a network file system ({kind} at {root}): "
            "locks and syncs are not reliable there. Set RECSYS_DATA_DIR to a folder on a local disk."
        )


def _file_system(path: Path) -> str:
    """Name the type of the file system that holds *path*, empty where /proc does not say."""
    try:
        lines = _MOUNTS.read_text().splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    for line in lines:
        left, _, right = line.partition(" - ")
        mount = left.split()[4].encode().decode("unicode_escape")  # blanks are written as \040
        if path.is_relative_to(mount) and len(mount) >= len(best):
            best, kind = mount, right.split()[0]
    return kind
