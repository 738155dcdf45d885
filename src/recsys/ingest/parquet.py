"""Reads Parquet, a batch of rows at a time; needs the extra `parquet`."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader
from typing import Any

from recsys.errors import DataFileError
from recsys.ingest.account import Refusal
from recsys.ingest.columns import Columns

try:
    import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
    from pyarrow import parquet
except ImportError:
    raise DataFileError(
        "Parquet files need the extra `parquet`: pip install 'recsys-service[parquet]'. CSV and JSON lines need none."
    ) from None

BATCH_ROWS = 10_000


class Parquet:
    """A Parquet file; columns that are left out are not read at all."""

    typed = True

    def __init__(self, stream: BufferedReader[Any], columns: Columns) -> None:
        try:
            self._file = parquet.ParquetFile(stream)
        except pa.ArrowInvalid as error:
            msg = f"This is not a Parquet file: {error}"
            raise DataFileError(msg) from None
        header = self._file.schema_arrow.names
        self._fields = {name: its for name, its in zip(header, columns.place(header), strict=True) if its is not None}
        self._done = 0

    def rows(self) -> Iterator[tuple[int, dict[str, Any]] | Refusal]:
        """Give every row with its number, counted from 1; a null is None."""
        for batch in self._batches():
            values = [(self._fields[name], _values(batch.column(name))) for name in batch.schema.names]
            for index in range(batch.num_rows):
                self._done += 1
                yield self._done, {name: column[index] for name, column in values}

    def progress(self) -> tuple[int, int]:
        """Say how many of how many rows have been read."""
        return self._done, self._file.metadata.num_rows

    def _batches(self) -> Iterator[Any]:
        try:
            yield from self._file.iter_batches(BATCH_ROWS, columns=list(self._fields))
        except pa.ArrowException as error:
            msg = f"The file is damaged after row {self._done}: {error}"
            raise DataFileError(msg) from None


def _values(column: pa.Array) -> list[Any]:
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)  # a datetime holds no nanoseconds
    values: list[Any] = column.to_pylist()
    return values
