"""Files become rows with numbers, and what can not be read is told row by row."""

import gzip
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from recsys.errors import DataFileError
from recsys.ingest import jsonlines
from recsys.ingest.account import Refusal
from recsys.ingest.columns import Columns
from recsys.ingest.source import DataFile, open_source, rows_of

COLUMNS = Columns(("item_id", "price", "tags"))


def read(path: Path, columns: Columns = COLUMNS) -> list[Any]:
    """Read all rows of a file."""
    file = DataFile(path, columns)
    with open_source(file) as source:
        return list(rows_of(source, file))


def write(path: Path, content: str | bytes) -> Path:
    """Write a file and return its path."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_csv_rows_carry_their_line_numbers(tmp_path: Path) -> None:
    """Numbers are lines as an editor counts them, also after a cell with a line break and a blank line."""
    text = 'item_id,tags\na,x\n\nb,"y\nz"\nc,w\n'
    assert read(write(tmp_path / "f.csv", text)) == [
        (2, {"item_id": "a", "tags": "x"}),
        (4, {"item_id": "b", "tags": "y\nz"}),
        (6, {"item_id": "c", "tags": "w"}),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_seen_in_the_header(tmp_path: Path, delimiter: str) -> None:
    """What separates the names separates the cells."""
    text = f"item_id{delimiter}price\na{delimiter}1\n"
    assert read(write(tmp_path / "f.csv", text)) == [(2, {"item_id": "a", "price": "1"})]


def test_a_byte_order_mark_and_windows_line_ends_are_harmless(tmp_path: Path) -> None:
    """What spreadsheet programs write is read."""
    assert read(write(tmp_path / "f.csv", b"\xef\xbb\xbfitem_id,price\r\na,1\r\n")) == [
        (2, {"item_id": "a", "price": "1"})
    ]


def test_a_row_of_another_width_is_refused_alone(tmp_path: Path) -> None:
    """Too many or too few cells refuse that row, and the next is read."""
    rows = read(write(tmp_path / "f.csv", "item_id,price\na\nb,1,2\nc,3\n"))
    assert [row.row for row in rows[:2]] == [2, 3]
    assert rows[1].reason == "has 3 cells where the header has 2"
    assert rows[2] == (4, {"item_id": "c", "price": "3"})


def test_an_unknown_column_stops_before_the_first_row(tmp_path: Path) -> None:
    """A misspelt column would be lost silently, so it is an error that says both ways out."""
    path = write(tmp_path / "f.csv", "item_id,pirce\na,1\n")
    with pytest.raises(DataFileError, match=r"--column FIELD=pirce.*--ignore pirce"):
        read(path)


def test_columns_are_renamed_and_left_out(tmp_path: Path) -> None:
    """Names that a shop's export has are read as fields."""
    columns = Columns(COLUMNS.known, {"sku": "item_id"}, frozenset({"color"}))
    assert read(write(tmp_path / "f.csv", "sku,color\na,red\n"), columns) == [(2, {"item_id": "a"})]
    line = '{"sku":"a","color":"red","price":1}\n'
    assert read(write(tmp_path / "f.jsonl", line), columns) == [(1, {"item_id": "a", "price": 1})]


def test_a_renamed_column_must_be_there(tmp_path: Path) -> None:
    """Renaming what the file does not have is an error that lists what it has."""
    columns = Columns(COLUMNS.known, {"sku": "item_id"})
    with pytest.raises(DataFileError, match=r"no column 'sku'. It has: item_id"):
        read(write(tmp_path / "f.csv", "item_id\na\n"), columns)


def test_two_columns_for_one_field_are_refused(tmp_path: Path) -> None:
    """Which of the two would win is nobody's guess."""
    columns = Columns(COLUMNS.known, {"sku": "item_id"})
    with pytest.raises(DataFileError, match="Two columns are read as 'item_id'"):
        read(write(tmp_path / "f.csv", "item_id,sku\na,b\n"), columns)


def test_an_empty_csv_file_is_an_error(tmp_path: Path) -> None:
    """Without a header nothing can be read."""
    with pytest.raises(DataFileError, match="first line should name the columns"):
        read(write(tmp_path / "f.csv", ""))


def test_jsonl_rows_carry_their_line_numbers(tmp_path: Path) -> None:
    """Blank lines count, broken lines are refused by themselves, and the last line needs no line break."""
    rows = read(write(tmp_path / "f.jsonl", b'{"item_id":"a"}\n\n{"item_id":\n[1]\n"\xff"\n{"item_id":"b"}'))
    assert rows[0] == (1, {"item_id": "a"})
    assert [row.row for row in rows[1:4] if isinstance(row, Refusal)] == [3, 4, 5]
    assert rows[4] == (6, {"item_id": "b"})


def test_deeply_nested_json_is_refused_alone(tmp_path: Path) -> None:
    """A line of more brackets than any Python nests is refused, and the next is read."""
    rows = read(write(tmp_path / "f.jsonl", '{"a":' + "[" * 200_000 + "]" * 200_000 + '}\n{"item_id":"b"}\n'))
    assert rows == [Refusal(1, "$", "is nested too deeply"), (2, {"item_id": "b"})]


def test_an_endless_line_is_passed_over_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line longer than the limit is refused, one of exactly the limit is read, and numbers stay right."""
    monkeypatch.setattr(jsonlines, "LINE_BYTES_MAX", 20)
    exactly = '{"item_id":"12345"}\n'
    assert len(exactly) == 20
    rows = read(write(tmp_path / "f.jsonl", exactly + '{"item_id":"' + "x" * 99 + '"}\n{"price":1}\n'))
    assert rows == [
        (1, {"item_id": "12345"}),
        Refusal(2, "$", "is longer than 20 bytes"),
        (3, {"price": 1}),
    ]


def test_compressed_text_is_read(tmp_path: Path) -> None:
    """A .gz file is read like what it holds, and progress counts compressed bytes."""
    path = write(tmp_path / "f.csv.gz", gzip.compress(b"item_id\na\n"))
    assert read(path) == [(2, {"item_id": "a"})]


def test_a_compressed_file_that_was_cut_short_is_an_error(tmp_path: Path) -> None:
    """What ends in the middle is told as the file's fault."""
    whole = gzip.compress(b"item_id\n" + b"".join(b"%d\n" % (n * 7919) for n in range(50_000)))
    with pytest.raises(DataFileError, match="can not be read"):
        read(write(tmp_path / "f.csv.gz", whole[: len(whole) // 2]))


def test_parquet_rows_are_typed_and_numbered_from_one(tmp_path: Path) -> None:
    """Columns keep their types, nulls are None, and columns that are left out are not read."""
    table = pa.table({"item_id": ["a", "b"], "price": [1.5, None], "tags": [["x"], []], "other": [1, 2]})
    parquet.write_table(table, tmp_path / "f.parquet")
    assert read(tmp_path / "f.parquet", Columns(COLUMNS.known, ignored=frozenset({"other"}))) == [
        (1, {"item_id": "a", "price": 1.5, "tags": ["x"]}),
        (2, {"item_id": "b", "price": None, "tags": []}),
    ]


def test_parquet_nanoseconds_are_read(tmp_path: Path) -> None:
    """What a data frame writes by default has nanoseconds; a datetime has none, so they are cut."""
    times = pa.array([1_777_636_800_000_000_001], pa.timestamp("ns", "UTC"))
    parquet.write_table(pa.table({"price": times}), tmp_path / "f.parquet")
    [(_, fields)] = read(tmp_path / "f.parquet")
    assert fields["price"].isoformat() == "2026-05-01T12:00:00+00:00"


def test_something_else_is_no_parquet_file(tmp_path: Path) -> None:
    """A text named .parquet is refused with a sentence."""
    with pytest.raises(DataFileError, match="not a Parquet file"):
        read(write(tmp_path / "f.parquet", "item_id\na\n"))


def test_parquet_without_its_extra_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pyarrow is not installed the error says what to install."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "recsys.ingest.parquet", raising=False)
    with pytest.raises(DataFileError, match=r"recsys-service\[parquet\]"):
        read(write(tmp_path / "f.parquet", b""))


@pytest.mark.parametrize("name", ["f.xlsx", "f", "f.gz", "f.parquet.gz"])
def test_an_unknown_ending_lists_the_known_ones(tmp_path: Path, name: str) -> None:
    """The format is told by the ending."""
    with pytest.raises(DataFileError, match=r"\.csv, \.tsv, \.jsonl"):
        read(write(tmp_path / name, "item_id\na\n"))


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A wrong path is told as such."""
    with pytest.raises(DataFileError, match="No such file"):
        read(tmp_path / "missing.csv")
