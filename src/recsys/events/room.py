"""How much may still be spooled: the bound on the spools' size, and on the disk they leave to others."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from recsys.events.folder import list_damaged, list_spools
from recsys.settings import Settings

MIB = 2**20


class Bounds(NamedTuple):
    """What the spools of a host may take."""

    max_bytes: int = 4096 * MIB
    """All of them together. An hour without a database at 1,000 exposures of 900 bytes a second is 3.2 GB."""
    min_free_bytes: int = 256 * MIB
    """What stays free on their disk: a full one takes the embedded database down too."""

    @classmethod
    def of(cls, settings: Settings) -> Bounds:
        """Take both from the settings."""
        return cls(settings.spool_max_mib * MIB, settings.spool_min_free_mib * MIB)


DEFAULT_BOUNDS = Bounds()


def used_bytes(root: Path) -> int:
    """Add up every segment under *root*: waiting, kept, and set aside as damaged."""
    return sum(spool.size for spool in list_spools(root)) + sum(path.stat().st_size for path in list_damaged(root))


def room(root: Path, bounds: Bounds) -> int:
    """Return how many bytes may be written before one of the bounds is met; negative when it is behind us."""
    disk = os.statvfs(root)
    return min(bounds.max_bytes - used_bytes(root), disk.f_bavail * disk.f_frsize - bounds.min_free_bytes)
