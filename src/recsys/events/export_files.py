"""Exports as files, one a day: JSON lines or Parquet. A day that is finished is not written again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from recsys.errors import OperatorError
from recsys.events.eval_v1 import Context, OutcomeLine, ShownLine, to_json, to_row
from recsys.events.export import Day
from recsys.whole_file import whole_file

Line = ShownLine | OutcomeLine
Format = Literal["jsonl", "parquet"]
UNFINISHED = "unfinished"
_ROWS = 10_000
"""Of one Parquet row group."""


class Written(NamedTuple):
    """What became of one day."""

    day: Day
    path: Path | None
    """None for a day without lines."""
    lines: int
    skipped: bool = False
    """Whether the file was there already."""


def write_days(
    folder: Path, what: str, form: Format, days: Iterable[Day], lines_of: Callable[[Day], Iterator[Line]]
) -> Iterator[Written]:
    """Write ``<what>-<date>.<form>`` for each day that has lines; one that is there already is skipped.

    A day that is not selected to its end is ``<what>-<date>.unfinished.<form>`` and written anew every time. Each file
    is complete or absent, so an interrupted export goes on where it was when it is run again.
    """
    write = _jsonl if form == "jsonl" else _parquet_writer()
    for day in days:
        finished = folder / f"{what}-{day.date}.{form}"
        unfinished = folder / f"{what}-{day.date}.{UNFINISHED}.{form}"
        if finished.exists():
            yield Written(day, finished, 0, skipped=True)
            continue
        path = finished if day.whole else unfinished
        written = _write(path, lines_of(day), write)
        if day.whole:
            unfinished.unlink(missing_ok=True)
        yield Written(day, path if written else None, written)


def _write(path: Path, lines: Iterator[Line], write: Callable[[IO[bytes], Iterator[Line]], int]) -> int:
    first = next(lines, None)
    if first is None:
        return 0
    with whole_file(path) as file:
        return write(file, _chain(first, lines))


def _chain(first: Line, rest: Iterator[Line]) -> Iterator[Line]:
    yield first
    yield from rest


def _jsonl(file: IO[bytes], lines: Iterator[Line]) -> int:
    count = 0
    for line in lines:
        file.write(to_json(line))
        count += 1
    return count


def _parquet_writer() -> Callable[[IO[bytes], Iterator[Line]], int]:
    """Find what writes Parquet before anything is read. OperatorError names the extra that it needs."""
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise OperatorError("Parquet needs: pip install 'recsys-service[parquet]'. JSON lines need nothing.") from None

    def write(file: IO[bytes], lines: Iterator[Line]) -> int:
        first = list(islice(lines, _ROWS))
        schema = _schema(arrow, type(first[0]))
        count = 0
        with parquet.ParquetWriter(file, schema) as writer:
            rows = first
            while rows:
                writer.write_table(arrow.Table.from_pylist([to_row(line) for line in rows], schema=schema))
                count += len(rows)
                rows = list(islice(lines, _ROWS))
        return count

    return write


def _schema(arrow: Any, kind: type[Line]) -> Any:
    text, number = arrow.string(), arrow.float64()
    moment = arrow.timestamp("us", tz="UTC")
    if kind is OutcomeLine:
        fields = {"request_id": text, "user_id": text, "item_id": text, "event_type": text, "ts": moment}
        return arrow.schema([*fields.items(), ("value", number)])
    item = arrow.struct([("item_id", text), ("rank", arrow.int32()), ("propensity", number)])
    context = arrow.struct([(name, text) for name in Context.__struct_fields__])
    fields = {"request_id": text, "user_id": text, "ts": moment, "items": arrow.list_(item), "context": context}
    return arrow.schema([*fields.items(), ("latency_ms", number)])
