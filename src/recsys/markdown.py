"""Tables of the reference pages (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write *rows* under *names* as a Markdown table; a bar inside a cell stays inside it."""
    lines = [names, ["---"] * len(names), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def code(text: str | None) -> str:
    """Write *text* as code; nothing stays nothing."""
    return f"`{text}`" if text else ""
