"""The reference page of the schema, made from the comments that live in the database."""

from __future__ import annotations

import psycopg

from recsys.db.inspect import Index, Table, columns, indexes, tables
from recsys.db.queries import sql as query
from recsys.markdown import code
from recsys.markdown import table as markdown_table


def schema_reference(conn: psycopg.Connection) -> str:
    """Describe every table as Markdown: what it is for, its columns with their meaning, its indexes."""
    keys: dict[str, str] = dict(conn.execute(query("inspect.partition_keys")).fetchall())
    return "\n".join(_section(conn, table, keys.get(table.name)) for table in tables(conn))


def _section(conn: psycopg.Connection, table: Table, partitioned_by: str | None) -> str:
    rows = [
        (code(one.name), one.type, "yes" if one.nullable else "", code(one.preset), one.meaning)
        for one in columns(conn, table.name)
    ]
    partitions = f"\nPartitioned by {partitioned_by.lower()}.\n" if partitioned_by else ""
    described = markdown_table(("column", "type", "null", "default", "meaning"), rows)
    indexed = "".join(f"- {_index(one)}\n" for one in indexes(conn, table.name))
    return f"## {table.name}\n\n{table.purpose}.\n{partitions}\n{described}\nIndexes:\n\n{indexed}"


def _index(index: Index) -> str:
    """Shorten `CREATE UNIQUE INDEX x ON public.t USING btree (a, b)` to what differs."""
    unique = "unique " if index.definition.startswith("CREATE UNIQUE") else ""
    _, _, method = index.definition.partition(" USING ")
    return f"`{index.name}`: {unique}{method}"
