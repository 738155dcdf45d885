"""What the demo shows a person."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def show_answer(out: Console, answer: dict[str, Any], titles: dict[str, str]) -> None:
    """Print a slate as a table: rank, title, score, reasons."""
    table = Table("#", "film", "score", "because of", box=None, pad_edge=False, header_style="bold")
    for item in answer["items"]:
        reasons = ", ".join(item.get("reasons", ()))
        table.add_row(
            str(item["rank"]), escape(_title(item["item_id"], titles)), f"{item['score']:.3f}", escape(reasons)
        )
    out.print(table)
    for warning in answer.get("warnings", ()):
        out.print(f"[yellow]{warning['code']}[/]: {escape(warning['detail'])}")


def show_history(out: Console, items: list[str], titles: dict[str, str]) -> None:
    """Print what the visitor rated last."""
    out.print("rated last: " + escape("; ".join(_title(item, titles) for item in items)))


def _title(item_id: str, titles: dict[str, str]) -> str:
    return titles.get(item_id, item_id)
