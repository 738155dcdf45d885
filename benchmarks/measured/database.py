"""The database that a benchmark fills."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recsys.settings import Settings


@contextmanager
def own_or_given() -> Iterator[Settings]:
    """Take the database of the environment, or make one that goes with the block."""
    if os.environ.get("DATABASE_URL"):
        yield Settings.from_environment()
        return
    with tempfile.TemporaryDirectory(prefix="recsys-bench-", ignore_cleanup_errors=True) as folder:
        yield Settings(data_dir=Path(folder) / "data")
