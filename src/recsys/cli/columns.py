"""Rows as columns of plain text: aligned for people, never cut, one row a line for `grep` and `awk`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from recsys.cli.console import out


def print_columns(names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print *rows* under *names*, two spaces between columns; None is shown as nothing."""
    cells = [tuple(names), *(tuple("" if value is None else str(value) for value in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        out.print("  ".join(padded).rstrip(), markup=False)
