"""`recsys inspect`: what is in the database, how much of it, since when."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import psycopg
import typer

from recsys.cli.columns import print_columns
from recsys.cli.console import Exit, fail, out, print_json, talk
from recsys.db import inspect as database_inspect
from recsys.db.inspect import Coverage, Table
from recsys.db.operator import operator_url
from recsys.db.reference import schema_reference
from recsys.db.roles import Roles, assume
from recsys.db.session import connect, widest_role
from recsys.settings import Settings, variable

app = typer.Typer()

_UNITS = ("B", "kB", "MB", "GB", "TB")
_STEP = 1024
_TABLES = ("table", "rows, about", "size", "partitions", "last write", "purpose")
_COVERAGE = ("tenant", "status", "namespace", "tagged", "popular", "days", "newest", "covisited", "days", "newest")


@app.command()
def inspect(
    table: Annotated[str | None, typer.Argument(help="One table: its columns and indexes.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As the tables of the reference page.")] = False,
) -> None:
    """Show every table with its purpose, rows, size, partitions and last write, and what each tenant can rank from.

    Rows are the planner's estimate. Items and days with signals are counted: about a second per 100,000 items.
    """
    settings = Settings.from_environment()
    with connect(operator_url(settings)) as conn:
        _begin(conn, Roles.of(settings.db_role_prefix))
        if markdown:
            typer.echo(schema_reference(conn), nl=False)
        elif table is None:
            _show_all(conn, as_json=as_json)
        else:
            _show_one(conn, table, as_json=as_json)


def _begin(conn: psycopg.Connection, roles: Roles) -> None:
    """Begin a transaction as whoever sees the most."""
    role = widest_role(conn, roles)
    if role is None:
        fail(
            f"{conn.info.user} may act neither as {roles.owner} nor as {roles.system}."
            f" Let {variable('owner_database_url')} name {roles.admin}; `recsys migrate roles` makes it.",
            Exit.FAILED,
        )
    conn.commit()
    assume(conn, role)
    database_inspect.require_schema(conn)
    if role != roles.owner:
        talk.print(
            f"looking as {role}, which can not see when partitions were written: {variable('owner_database_url')}"
            " names a login that may act as the owner.",
            markup=False,
        )


def _show_all(conn: psycopg.Connection, *, as_json: bool) -> None:
    tables, written = database_inspect.tables(conn), database_inspect.last_writes(conn)
    covered = database_inspect.coverage(conn)
    if as_json:
        rows = [{**table._asdict(), "last_write": written.get(table.name)} for table in tables]
        print_json({"tables": rows, "coverage": [row._asdict() for row in covered]})
        return
    print_columns(_TABLES, ((*_figures(table), _time(table, written), table.purpose) for table in tables))
    out.print()
    print_columns(_COVERAGE, map(_spelled, covered))


def _show_one(conn: psycopg.Connection, name: str, *, as_json: bool) -> None:
    table = database_inspect.table(conn, name)
    columns, indexes = database_inspect.columns(conn, name), database_inspect.indexes(conn, name)
    if as_json:
        described = {"columns": [one._asdict() for one in columns], "indexes": [one._asdict() for one in indexes]}
        print_json({**table._asdict(), **described})
        return
    out.print(table.purpose, markup=False)
    out.print()
    print_columns(_TABLES[:-2], [_figures(table)])
    out.print()
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


def _figures(table: Table) -> tuple[object, ...]:
    return table.name, f"{table.rows:,}", size(table.bytes), table.partitions


def _spelled(row: Coverage) -> list[object]:
    return [f"{value:,}" if isinstance(value, int) else value for value in row]


def _time(table: Table, written: dict[str, datetime | None]) -> str:
    if table.name not in written:
        return "not known"
    stamp = written[table.name]
    return "never" if stamp is None else f"{stamp:%Y-%m-%d %H:%M:%S%z}"
