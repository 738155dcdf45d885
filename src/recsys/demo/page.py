"""What the demo shows a person."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape


def show_answer(out: Console, answer: dict[str, Any], titles: dict[str, str]) -> None:
    """Print a slate, one line an item: rank, score, title, reasons."""
    names = [_title(item["item_id"], titles) for item in answer["items"]]
    width = max(map(len, names), default=0)
    for item, name in zip(answer["items"], names, strict=True):
        reasons = escape(", ".join(item.get("reasons", ())))
        out.print(f"{item['rank']:>3}  {item['score']:.3f}  [bold]{escape(name.ljust(width))}[/]  [dim]{reasons}[/]")
    for warning in answer.get("warnings", ()):
        out.print(f"[yellow]{warning['code']}[/]: {escape(warning['detail'])}")


def show_history(out: Console, items: list[str], titles: dict[str, str]) -> None:
    """Print what the visitor rated last."""
    out.print("rated last: " + escape("; ".join(_title(item, titles) for item in items)))


def _title(item_id: str, titles: dict[str, str]) -> str:
    return titles.get(item_id, item_id)
