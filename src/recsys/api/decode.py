"""Reading a JSON body strictly: the declared shape, nothing unknown, nothing after it, no character that hurts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from recsys.control_characters import CONTROL, may_hold_control
from recsys.errors import InvalidRequest, Problem

T = TypeVar("T")

_NUL = re.compile("\x00")
_FREE_TEXT = ("$.user.", "$.context.")
"""Where a control character is the client's business; U+0000 never is, because Postgres can not store it."""


def decode(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode a request body; InvalidRequest names the first thing that is wrong with it."""
    try:
        value = decoder.decode(body)
    except UnicodeDecodeError:
        raise InvalidRequest([Problem("$", "The body is not UTF-8.")]) from None
    except RecursionError:
        raise InvalidRequest([Problem("$", "The JSON is nested too deeply.")]) from None
    except ValueError as error:  # msgspec's errors, and Python's own about numbers of thousands of digits
        raise InvalidRequest([_problem(str(error))]) from None
    if may_hold_control(body) and (problems := list(_control_problems(value))):
        raise InvalidRequest(problems)
    return value


def convert(fields: dict[str, str], shape: type[T]) -> T:
    """Check what a query string says by the same rules."""
    try:
        value = msgspec.convert(fields, shape)
    except msgspec.ValidationError as error:
        raise InvalidRequest([_problem(str(error))]) from None
    if problems := list(_control_problems(value)):
        raise InvalidRequest(problems)
    return value


def _problem(message: str) -> Problem:
    """Split msgspec's sentence, ``Expected `int`, got `str` - at `$.k```, into where and what."""
    what, _, where = message.partition(" - at ")
    if what.startswith("Expected `str` matching regex"):
        what = "A name holds no /, no \\ and no control character, and is neither . nor .."
    return Problem(where.replace("`", "") or "$", what)


def _control_problems(value: Any) -> Iterator[Problem]:
    for path, text in _texts(msgspec.to_builtins(value), "$"):
        refused = _NUL if path.startswith(_FREE_TEXT) else CONTROL
        if refused.search(text):
            yield Problem(path, "Control characters are not allowed here.")


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield path, key
            yield from _texts(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}[{index}]")
