"""Writes a table to a file before it goes: complete under its name, or not there at all."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Collection
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from recsys.errors import OperatorError
from recsys.settings import Settings
from recsys.whole_file import whole_file

_BATCH = 20_000  # rows of one Parquet row group


def archive_of(settings: Settings) -> Callable[[psycopg.Connection, str], str] | None:
    """Choose how partitions are archived; None when they are not. OperatorError when the format needs an extra."""
    if settings.archive_dir is None:
        return None
    if settings.archive_format == "parquet":
        _pyarrow()
        return partial(write_parquet, settings.archive_dir)
    return partial(write_csv, settings.archive_dir)


def write_csv(folder: Path, conn: psycopg.Connection, table: str) -> str:
    """Write every row of *table* to ``<table>.csv.gz``, with a header, oldest first; answer the path."""
    rows = sql.SQL("select * from {} order by occurred_at").format(sql.Identifier(table))
    statement = sql.SQL("copy ({}) to stdout (format csv, header)").format(rows)
    path = folder / f"{table}.csv.gz"
    with (
        whole_file(path) as file,
        gzip.open(file, "wb") as out,
        conn.cursor() as cursor,
        cursor.copy(statement) as pieces,
    ):
        for piece in pieces:
            out.write(piece)
    return str(path)


def write_parquet(folder: Path, conn: psycopg.Connection, table: str) -> str:
    """Write every row of *table* to ``<table>.parquet``, oldest first; ids and documents as text. Answer the path."""
    arrow, parquet = _pyarrow()
    native = _native(arrow)
    columns = _columns(conn, table)
    schema = arrow.schema([(name, native.get(kind, arrow.string())) for name, kind in columns])
    path = folder / f"{table}.parquet"
    with conn.transaction(), conn.cursor("archive") as cursor, whole_file(path) as file:
        cursor.execute(_select(table, columns, native.keys()))
        with parquet.ParquetWriter(file, schema) as writer:
            while rows := cursor.fetchmany(_BATCH):
                writer.write_table(arrow.table([list(column) for column in zip(*rows, strict=True)], schema=schema))
    return str(path)


def _pyarrow() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise OperatorError("RECSYS_ARCHIVE_FORMAT=parquet needs: pip install 'recsys-service[parquet]'") from None


def _native(arrow: Any) -> dict[str, Any]:
    """Types of Postgres that have a counterpart in Arrow; everything else is written as text."""
    return {
        "timestamptz": arrow.timestamp("us", tz="UTC"),
        "bytea": arrow.binary(),
        "int4": arrow.int32(),
        "int8": arrow.int64(),
        "float8": arrow.float64(),
        "float4[]": arrow.list_(arrow.float32()),
        "text[]": arrow.list_(arrow.string()),
    }


def _columns(conn: psycopg.Connection, table: str) -> list[tuple[str, str]]:
    empty = conn.execute(sql.SQL("select * from {} limit 0").format(sql.Identifier(table)))
    return [(column.name, column.type_display) for column in empty.description or ()]


def _select(table: str, columns: list[tuple[str, str]], native: Collection[str]) -> sql.Composed:
    """Read *table* oldest first, as text what has no counterpart."""
    wanted = [
        sql.Identifier(name) if kind in native else sql.SQL("{}::text").format(sql.Identifier(name))
        for name, kind in columns
    ]
    return sql.SQL("select {} from {} order by {}.occurred_at").format(
        sql.SQL(", ").join(wanted), sql.Identifier(table), sql.Identifier(table)
    )
