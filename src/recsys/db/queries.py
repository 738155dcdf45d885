"""Named SQL: `sql("tenants.by_external_id")` is the block `-- name: by_external_id` of `sql/queries/tenants.sql`."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@cache
def sql(name: str) -> LiteralString:
    """Return the text of one named query; KeyError names the query that does not exist."""
    room, _, query = name.partition(".")
    return _room(room)[query]


@cache
def _room(room: str) -> dict[str, LiteralString]:
    text = files("recsys.db").joinpath("sql", "queries", f"{room}.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)
    return {name: cast("LiteralString", body.strip()) for name, body in zip(parts[1::2], parts[2::2], strict=True)}
