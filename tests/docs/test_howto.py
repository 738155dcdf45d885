"""What the how-to pages say can be done as they say it."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.timeout(180)
def test_a_click_is_logged_exported_and_erased(shell: Any) -> None:
    """The three pages of the events, one after the other: what the first logs, the second exports, the third erases."""
    logged = shell.page("howto/log-interactions.md")
    assert '"accepted":1' in logged
    assert "EVENT_INVALID" in logged
    assert "click|red|page-4711" in logged

    exported = shell.page("howto/export.md")
    lines = (shell.folder / "exposures.jsonl").read_text()
    assert '"request_id":"page-4711"' in lines
    assert "u-17" not in lines
    assert '"event_type":"click"' in (shell.folder / "outcomes.jsonl").read_text()
    assert ".unfinished.parquet" in exported

    erased = shell.page("howto/erase-a-person.md")
    assert "1 exposures, 1 interactions" in erased
    assert "u-17" not in erased
    left = shell.run("recsys", "psql", "--", "-Atc", "select count(*) from interaction_events")
    assert left.strip() == "0"
    assert "u-17" not in (shell.folder / "log").read_text()
