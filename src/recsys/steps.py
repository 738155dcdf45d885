"""Work in steps: between two of them others may come as far, so that what one step does is done for all in a row."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

Steps = Generator[None, None, T]
"""Pauses between its steps, and returns what it makes."""


def finished(steps: Steps[T]) -> T:
    """Take all steps without a pause."""
    try:
        while True:
            next(steps)
    except StopIteration as end:
        made: T = end.value
        return made
