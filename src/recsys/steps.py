"""Work in steps: between two of them others may come as far, so that what one step does is done for all in a row."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
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


def without_pause(in_steps: Callable[P, Steps[T]]) -> Callable[P, T]:
    """Make a function that does at once what *in_steps* does."""

    def at_once(*args: P.args, **kwargs: P.kwargs) -> T:
        return finished(in_steps(*args, **kwargs))

    at_once.__doc__ = in_steps.__doc__
    return at_once
