"""Opens a file of rows, whatever its format, as a stream of fields with row numbers."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, Protocol

from recsys.errors import DataFileError
from recsys.ingest.account import Refusal
from recsys.ingest.columns import Columns
from recsys.ingest.delimited import Delimited
from recsys.ingest.jsonlines import JsonLines

FORMATS = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
"""File name ending to format; the text formats may be compressed (`.gz`)."""

Fields = dict[str, Any]


Progress = Callable[[int, int], object]
"""Called now and then with how much of how much of a file has been read."""


def silent(_done: int, _size: int) -> None:
    """Tell nobody about the progress."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file to import, and what its columns are."""

    path: Path
    columns: Columns


class Source(Protocol):
    """A file that is read row by row, in order, once."""

    typed: bool
    """Whether values have types; where not, "3" may be a number."""

    def rows(self) -> Iterator[tuple[int, Fields] | Refusal]:
        """Give every row's number and fields, or why it can not be read."""
        ...

    def progress(self) -> tuple[int, int]:
        """Say how much of how much has been read, in units of the format's own."""
        ...


@contextmanager
def open_source(file: DataFile) -> Iterator[Source]:
    """Open a file by its ending.

    Raises DataFileError when it can not be opened, or its ending or its header says that it can not be read.
    """
    kind = _format(file.path)
    with ExitStack() as stack:
        with _explained(file.path):
            raw = stack.enter_context(file.path.open("rb"))
            source = _source(kind, raw, file)
        yield source


def rows_of(source: Source, file: DataFile) -> Iterator[tuple[int, Fields] | Refusal]:
    """Give the rows of a source; DataFileError says where a file that is damaged or cut short stops making sense."""
    with _explained(file.path):
        yield from source.rows()


def _source(kind: str, raw: BufferedReader[Any], file: DataFile) -> Source:
    if kind == "parquet":
        from recsys.ingest.parquet import Parquet  # noqa: PLC0415  an extra, imported by those who need it

        return Parquet(raw, file.columns)
    stream = BufferedReader(gzip.GzipFile(fileobj=raw)) if file.path.suffix == ".gz" else raw
    reader = Delimited if kind == "csv" else JsonLines
    return reader(stream, file.columns, position=raw.tell, size=file.path.stat().st_size)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        msg = f"{path} can not be read: {getattr(error, 'strerror', None) or error}"
        raise DataFileError(msg) from None


def _format(path: Path) -> str:
    compressed = path.suffix == ".gz"
    kind = FORMATS.get(Path(path.stem).suffix if compressed else path.suffix)
    if kind is not None and not (compressed and kind == "parquet"):
        return kind
    msg = f"{path.name}: the format is told by the ending, one of {', '.join(FORMATS)} (text also with .gz)."
    raise DataFileError(msg)
