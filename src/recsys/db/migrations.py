"""The migration files: plain SQL, numbered, append-only, each with a header that says how it runs."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from recsys.errors import MigrationError

_FILE = re.compile(r"(\d{4})_(\w+)\.sql")
_TRANSACTION = re.compile(r"\A-- transaction: (yes|no)$", re.MULTILINE)


class Migration(NamedTuple):
    """One file: its number, its name, what it says and what its header promises."""

    version: int
    name: str
    text: str
    transactional: bool

    @property
    def checksum(self) -> str:
        """Hex SHA-256 of the file."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def file(self) -> str:
        """Name of the file."""
        return f"{self.version:04d}_{self.name}.sql"


@cache
def shipped() -> tuple[Migration, ...]:
    """Read every migration of this release, in order; MigrationError for a file that can not be understood."""
    folder = files("recsys.db").joinpath("sql", "migrations")
    found = [
        parse(int(match[1]), match[2], entry.read_text(encoding="utf-8"))
        for entry in folder.iterdir()
        if (match := _FILE.fullmatch(entry.name))
    ]
    return tuple(sorted(found))


def parse(version: int, name: str, text: str) -> Migration:
    """Understand one file; MigrationError when its header does not say whether it runs in a transaction."""
    header = _TRANSACTION.search(text)
    if header is None:
        raise MigrationError(f"{version:04d}_{name}.sql does not begin with `-- transaction: yes` or `no`.")
    return Migration(version, name, text, transactional=header[1] == "yes")
