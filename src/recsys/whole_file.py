"""A file that is complete under its name, or not there at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that gets its name once all of it is on the disk; an exception leaves what was there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with unfinished(path).open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    unfinished(path).replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def unfinished(path: Path) -> Path:
    """Name the file that holds what is not complete yet."""
    return path.with_name(f"{path.name}.part")
