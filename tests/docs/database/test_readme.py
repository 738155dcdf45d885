"""README.md does what it says, as far as a database is enough for that."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")


def block(language: str, word: str) -> str:
    """Find the fenced block that holds *word*."""
    return next(
        text for text in re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL) if word in text
    )


def test_its_production_and_its_sql_lead_to_a_list(reader: Any, new_database: Callable[[], Any]) -> None:
    """On an empty database its commands (but `serve`) make the schema, and its SQL, through psql, a list."""
    urls = new_database()
    reader.environ |= {"DATABASE_URL": urls.service, "RECSYS_OWNER_DATABASE_URL": urls.owner}
    commands = block("sh", "recsys migrate up").splitlines()
    assert commands.pop().startswith("recsys serve ")
    printed = reader.run("\n".join(commands))
    assert 'create role "recsys_app" login noinherit' in printed
    (reader.folder / "own.sql").write_text(block("sql", "item_popularity_daily"))
    reader.run("recsys psql -- -v ON_ERROR_STOP=1 -f own.sql")
    assert "lamp" in reader.run("recsys recommend --tenant acme --surface home")
