"""Which column of a file is which field: renamed, left out, or known by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recsys.errors import DataFileError


@dataclass(frozen=True, slots=True)
class Columns:
    """How a file's names become field names."""

    known: tuple[str, ...]
    """Every field that a row may have."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """The file's name to the field's name."""
    ignored: frozenset[str] = frozenset()
    """The file's names that are not read."""

    def place(self, header: Sequence[str]) -> list[str | None]:
        """Name the field of every column, None for one that is left out.

        Raises DataFileError when a column is unknown, missing from the file, or there twice.
        """
        self._refuse_absent(header)
        fields = [None if name in self.ignored else self.renamed.get(name, name) for name in header]
        for name, its in zip(header, fields, strict=True):
            if its is not None and its not in self.known:
                raise DataFileError(
                    f"The column {name!r} is not known. Say `--column FIELD={name}` to read it as one of "
                    f"{', '.join(self.known)}, or `--ignore {name}` to leave it out."
                )
            if its is not None and fields.count(its) > 1:
                raise DataFileError(f"Two columns are read as {its!r}. Leave one out with `--ignore`.")
        return fields

    def rename(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Apply the names to one row that carries its own; what is unknown stays, and is refused with the row."""
        return {self.renamed.get(name, name): value for name, value in row.items() if name not in self.ignored}

    @property
    def plain(self) -> bool:
        """Whether every name is taken as it is."""
        return not self.renamed and not self.ignored

    def _refuse_absent(self, header: Sequence[str]) -> None:
        for name in (*self.renamed, *self.ignored):
            if name not in header:
                raise DataFileError(f"The file has no column {name!r}. It has: {', '.join(header)}.")
