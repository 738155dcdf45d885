"""Reads CSV and its relatives: a header line, then one record a row."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

from recsys.errors import DataFileError
from recsys.ingest.account import Refusal
from recsys.ingest.columns import Columns

_DELIMITERS = ",;\t|"


class Delimited:
    """A text file with a header; the delimiter is the one that its header holds most of."""

    typed = False

    def __init__(
        self, stream: io.BufferedReader[Any], columns: Columns, *, position: Callable[[], int], size: int
    ) -> None:
        # What is not UTF-8 spoils its own row only: it becomes a lone surrogate, which no field accepts.
        self._text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self._position = position
        self._size = size
        first = self._text.readline()
        delimiter = max(_DELIMITERS, key=first.count)
        header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
        if not any(header):
            raise DataFileError("The file is empty: its first line should name the columns.")
        self._fields = columns.place(header)
        self._reader = csv.reader(self._text, delimiter=delimiter)

    def rows(self) -> Iterator[tuple[int, dict[str, Any]] | Refusal]:
        """Give every record's line and its cells by field; blank lines are passed over."""
        while True:
            line = self._reader.line_num + 2  # the header was read before, and lines count from 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Refusal(line, "$", f"is not CSV: {error}")
                continue
            if len(cells) == len(self._fields):
                yield line, {name: cell for name, cell in zip(self._fields, cells, strict=True) if name is not None}
            elif cells:
                yield Refusal(line, "$", f"has {len(cells)} cells where the header has {len(self._fields)}")

    def progress(self) -> tuple[int, int]:
        """Say how many of how many bytes have been read from the disk."""
        return self._position(), self._size
