"""Reads JSON lines: one object a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BufferedReader
from typing import Any

import msgspec

from recsys.ingest.account import UNREADABLE, Refusal, refusal
from recsys.ingest.columns import Columns

LINE_BYTES_MAX = 1 << 20


class JsonLines:
    """A text file of objects; the fields are each object's own."""

    typed = True

    def __init__(
        self, stream: BufferedReader[Any], columns: Columns, *, position: Callable[[], int], size: int
    ) -> None:
        self._stream = stream
        self._columns = columns
        self._position = position
        self._size = size

    def rows(self) -> Iterator[tuple[int, dict[str, Any]] | Refusal]:
        """Give every object with its line; blank lines are passed over."""
        decode = msgspec.json.Decoder(dict[str, Any]).decode
        plain, rename = self._columns.plain, self._columns.rename
        for number, line in enumerate(self._lines(), start=1):
            if line is None:
                yield Refusal(number, "$", f"is longer than {LINE_BYTES_MAX:,} bytes")
            elif not line.isspace():
                try:
                    fields = decode(line)
                except UNREADABLE as error:
                    yield refusal(number, error)
                else:
                    yield number, fields if plain else rename(fields)

    def progress(self) -> tuple[int, int]:
        """Say how many of how many bytes have been read from the disk."""
        return self._position(), self._size

    def _lines(self) -> Iterator[bytes | None]:
        """Read line by line; None stands for one that is too long to hold."""
        read = self._stream.readline
        while line := read(LINE_BYTES_MAX):
            if len(line) < LINE_BYTES_MAX or line.endswith(b"\n"):
                yield line
            else:
                while (rest := read(LINE_BYTES_MAX)) and not rest.endswith(b"\n"):
                    pass
                yield None
