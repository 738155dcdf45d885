"""`recsys settings`: every variable, its default, its meaning, and whether it is set."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any

import typer
from rich.table import Table

from recsys.cli.console import out, print_json
from recsys.settings import Settings, Variable, reference, spelled

app = typer.Typer()


@app.command()
def settings(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As the table of the reference page.")] = False,
) -> None:
    """List every variable that recsys reads, with its default and the value in force; secrets are hidden."""
    if markdown:
        typer.echo(reference(), nl=False)
        return
    current = Settings.from_environment()
    rows = [_row(item.metadata["variable"], item.default, getattr(current, item.name)) for item in fields(Settings)]
    if as_json:
        print_json(rows)
        return
    table = Table("variable", "in force", "default", "meaning", box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(row["variable"], spelled(row["value"]) or "-", spelled(row["default"]) or "-", row["help"])
    out.print(table)


def _row(variable: Variable, default: Any, value: Any) -> dict[str, Any]:
    return {
        "variable": variable.name,
        "aliases": list(variable.aliases),
        "takes": variable.kind.takes,
        "default": default,
        "value": "(set, hidden)" if variable.secret and value is not None else value,
        "help": variable.help,
    }
