"""The migration files: plain SQL, numbered, append-only, each with a header that says how it runs.

The header is what stands in `-- key: value` lines before the first statement; a file may say:

    transaction: yes | no         in one transaction with its bookkeeping, or one statement outside of one
    phase: pre | post             pre (the default): the released code works with it; post: only the new code does
    done when: QUERY              answers true when it is done; a file without a transaction needs it
    before again: STATEMENT       clears away what an interrupted run left
    for each partition of: TABLE  run the statement for every partition, as :"partition" with :"partition_index"
    index suffix: SUFFIX          what :"partition_index" adds to the name of the partition
    locks: TABLE (MODE)           the one existing table that it locks, and how
    loses: WHAT                   in a file for the way down: the data that it drops

`up --pre` applies every file of the pre half and leaves the post half to a later `up`, so a file of the pre half never
needs one of the post half that ships with it: a test runs them in both orders.

A file NNNN_name.down.sql takes NNNN_name.sql back, where there is a way back.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple, cast

from recsys.errors import MigrationError

Phase = Literal["pre", "post"]
_FILE = re.compile(r"(\d{4})_(\w+)(\.down)?\.sql")
_LINE = re.compile(r"-- ([a-z ]+): (.+)")
_KEYS = {
    "transaction",
    "phase",
    "done when",
    "before again",
    "for each partition of",
    "index suffix",
    "locks",
    "loses",
}


class Migration(NamedTuple):
    """One file: its number, its name, what it says and what its header promises."""

    version: int
    name: str
    text: str
    transactional: bool = True
    phase: Phase = "pre"
    done_when: str | None = None
    before_again: str | None = None
    partitions_of: str | None = None
    index_suffix: str = "idx"
    locks: str | None = None
    loses: str | None = None

    @property
    def checksum(self) -> str:
        """Hex SHA-256 of the file."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def file(self) -> str:
        """Name of the file."""
        return f"{self.version:04d}_{self.name}.sql"

    @property
    def waits_alone(self) -> bool:
        """Whether its lock lets everybody else read and write, so that it may wait for it as long as it takes."""
        return not self.transactional and re.search(r"\bconcurrently\b", self.text, re.IGNORECASE) is not None


@cache
def shipped() -> tuple[Migration, ...]:
    """Read every migration of this release, in order."""
    return tuple(sorted(migration for migration, down in _read() if not down))


@cache
def ways_back() -> dict[int, Migration]:
    """Read the files that take a migration back, by its version."""
    return {migration.version: migration for migration, down in _read() if down}


def required() -> int:
    """Version that the schema must have at least for this code to run: the last one of the pre half."""
    return max(migration.version for migration in shipped() if migration.phase == "pre")


def parse(version: int, name: str, text: str) -> Migration:
    """Understand one file; MigrationError says what is wrong with its header."""
    header = _header(text)
    file = f"{version:04d}_{name}"
    if header.get("transaction") not in {"yes", "no"}:
        raise MigrationError(f"{file}: the header does not say `-- transaction: yes` or `no`.")
    transactional = header["transaction"] == "yes"
    if not transactional and "done when" not in header:
        raise MigrationError(f"{file}: a migration without a transaction needs a `-- done when:` query.")
    if header.get("phase", "pre") not in {"pre", "post"}:
        raise MigrationError(f"{file}: the phase is neither pre nor post.")
    return Migration(
        version,
        name,
        text,
        transactional=transactional,
        phase=cast("Phase", header.get("phase", "pre")),
        done_when=header.get("done when"),
        before_again=header.get("before again"),
        partitions_of=header.get("for each partition of"),
        index_suffix=header.get("index suffix", "idx"),
        locks=header.get("locks"),
        loses=header.get("loses"),
    )


def _read() -> list[tuple[Migration, bool]]:
    folder = files("recsys.db").joinpath("sql", "migrations")
    return [
        (parse(int(match[1]), match[2], entry.read_text(encoding="utf-8")), match[3] is not None)
        for entry in folder.iterdir()
        if (match := _FILE.fullmatch(entry.name))
    ]


def _header(text: str) -> dict[str, str]:
    header = {}
    for line in text.splitlines():
        if line and not line.startswith("--"):
            break
        match = _LINE.fullmatch(line)
        if match is not None and match[1] in _KEYS:
            header[match[1]] = match[2]
    return header
