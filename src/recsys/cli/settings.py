"""`recsys settings`: every variable, its default, its meaning, and whether it is set."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import typer
from rich.table import Table

from recsys.cli.console import out, print_json
from recsys.settings import Settings, Variable

app = typer.Typer()


@app.command(help="List every variable that recsys reads, with its default and the value in force.")
def settings(*, as_json: bool = typer.Option(False, "--json", help="Write JSON.")) -> None:
    """Show the settings in force; secrets are hidden."""
    current = Settings.from_environment()
    rows = [_row(item.metadata["variable"], item.default, getattr(current, item.name)) for item in fields(Settings)]
    if as_json:
        print_json(rows)
        return
    table = Table("variable", "in force", "default", "meaning", box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(row["variable"], _word(row["value"]), _word(row["default"]), row["help"])
    out.print(table)


def _row(variable: Variable, default: Any, value: Any) -> dict[str, Any]:
    shown = "(set, hidden)" if variable.secret and value is not None else value
    return {
        "variable": variable.name,
        "aliases": list(variable.aliases),
        "default": None if default is MISSING else default,
        "value": shown,
        "help": variable.help,
    }


def _word(value: Any) -> str:
    return "-" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
