"""Where a command writes: data to stdout, talk to stderr, and how it ends."""

from __future__ import annotations

import json
import sys
from enum import IntEnum
from typing import Any, NoReturn

import typer
from rich.console import Console

talk = Console(stderr=True, highlight=False, soft_wrap=True)
"""For people: progress, explanations, errors."""

out = Console(highlight=False, soft_wrap=True)
"""For data that a person reads; a program reads `print_json`."""


class Exit(IntEnum):
    """What an exit code means."""

    FINE = 0
    FAILED = 1
    USAGE = 2
    CHECK_FAILED = 3


def print_json(value: Any) -> None:
    """Write one JSON value and a newline to stdout; dates and ids are written as text."""
    sys.stdout.write(json.dumps(value, default=str, ensure_ascii=False, indent=2) + "\n")


def fail(message: str, code: Exit = Exit.FAILED) -> NoReturn:
    """Say on stderr what went wrong, and end with *code*."""
    talk.print(f"[bold red]error:[/] {message}", markup=True)
    raise typer.Exit(code)
