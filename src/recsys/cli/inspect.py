"""`recsys inspect`: what is in the database, how much of it, since when."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from recsys.cli.columns import print_columns
from recsys.cli.console import out, print_json
from recsys.db import inspect as database_inspect
from recsys.db.inspect import Coverage, Table
from recsys.db.pool import Database
from recsys.settings import Settings

app = typer.Typer()

_UNITS = ("B", "kB", "MB", "GB", "TB")
_STEP = 1024


@app.command()
def inspect(
    table: Annotated[str | None, typer.Argument(help="One table: its columns and indexes.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show every table with its purpose, rows, size, partitions and last write, and what each tenant can rank from."""
    with Database.open(Settings.from_environment()) as database, database.owner() as conn:
        if table is None:
            tables, written = database_inspect.tables(conn), database_inspect.last_writes(conn)
            _show_all(tables, written, database_inspect.coverage(conn), as_json=as_json)
        else:
            columns, indexes = database_inspect.columns(conn, table), database_inspect.indexes(conn, table)
            _show_one(columns, indexes, as_json=as_json)


def _show_all(
    tables: list[Table], written: dict[str, datetime | None], covered: list[Coverage], *, as_json: bool
) -> None:
    if as_json:
        rows = [{**table._asdict(), "last_write": written.get(table.name)} for table in tables]
        print_json({"tables": rows, "coverage": [row._asdict() for row in covered]})
        return
    print_columns(
        ("table", "rows, about", "size", "partitions", "last write", "purpose"),
        (
            (
                table.name,
                f"{table.rows:,}",
                size(table.bytes),
                table.partitions,
                _time(written.get(table.name)),
                table.purpose,
            )
            for table in tables
        ),
    )
    out.print()
    print_columns(
        ("tenant", "status", "namespace", "items", "popular items", "days", "newest", "covisit rows", "days", "newest"),
        covered,
    )


def _show_one(columns: list[Any], indexes: list[Any], *, as_json: bool) -> None:
    if as_json:
        print_json({"columns": [one._asdict() for one in columns], "indexes": [one._asdict() for one in indexes]})
        return
    print_columns(
        ("column", "type", "null", "default", "meaning"),
        ((one.name, one.type, "yes" if one.nullable else "", one.preset, one.meaning) for one in columns),
    )
    out.print()
    print_columns(("index", "definition"), indexes)


def size(count: int) -> str:
    """Spell a number of bytes for a person."""
    amount, unit = float(count), 0
    while amount >= _STEP and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    return f"{amount:.0f} {_UNITS[unit]}" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


def _time(stamp: datetime | None) -> str:
    return "never" if stamp is None else f"{stamp:%Y-%m-%d %H:%M:%S%z}"
