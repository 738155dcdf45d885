"""docs/howto/migrations.md does what it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from recsys.db.migrations import shipped

PAGE = "howto/migrations.md"


def test_the_page_upgrades_an_empty_database(reader: Any, new_database: Callable[[], Any]) -> None:
    """Every command succeeds, in the order of the page; in the end all migrations are applied."""
    urls = new_database()
    reader.environ |= {"DATABASE_URL": urls.service, "RECSYS_OWNER_DATABASE_URL": urls.owner}
    said = reader.follow(PAGE)
    assert shipped()[0].file in said[0]
    assert "would be applied" in said[1]
    steps = json.loads(reader.run("recsys migrate status --json"))
    assert {step["state"] for step in steps} == {"applied"}
    assert (reader.folder / "before.dump").stat().st_size > 0
    assert "begin;" in said[-1]
