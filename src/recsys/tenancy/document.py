"""Read a JSON document strictly: what Postgres would refuse or silently change is found, with its path (pure)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from recsys.errors import Problem

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
_MAX_DIGITS = 40
"""No number of a document has more digits; Python refuses to read integers of some thousands."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]', re.DOTALL)
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SHOWN = 60


class Unreadable(ValueError):
    """The text is no JSON at all, or too much of it; carries the one problem."""

    def __init__(self, path: str, message: str) -> None:
        self.problem = Problem(path, message)
        super().__init__(message)


class Reading(NamedTuple):
    """What was read, and what in it can not be stored."""

    value: Any
    problems: list[Problem]


def read_document(text: bytes) -> Reading:
    """Read the JSON value of *text* and find every key that stands twice, U+0000, lone surrogate and infinite number.

    Raises Unreadable where no value can be made of it: more than MAX_BYTES or MAX_DEPTH levels, bad UTF-8, bad JSON.
    """
    if len(text) > MAX_BYTES:
        raise Unreadable("$", f"is {len(text)} bytes long; a document has at most {MAX_BYTES}")
    value = _parsed(_decoded(text))
    objections = list(_objections(value, "$", MAX_DEPTH))  # first: it bounds the depth of what follows
    return Reading(_plain(value), objections)


def key_path(path: str, key: str) -> str:
    """Extend a JSON path by the key of an object: ``$.weights``, or ``$["a b"]`` where it is not a plain word."""
    if _PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}"
    return f"{path}[{shown(key)}]"


def shown(value: Any) -> str:
    """Write a value as the JSON that a message can hold: ASCII, at most 60 characters."""
    text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable("$", f"is not UTF-8: byte {error.start} does not belong") from None


class _Pairs(list[tuple[str, Any]]):
    """An object as it was written: every key, also the ones that stand twice."""


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_Pairs, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise Unreadable("$", f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise _too_deep(_deep_path(text)) from None


def _integer(digits: str) -> float:
    return int(digits) if len(digits) <= _MAX_DIGITS else math.inf


def _too_deep(path: str) -> Unreadable:
    return Unreadable(path, f"is nested deeper than {MAX_DEPTH} levels")


def _objections(value: Any, path: str, depth: int) -> Iterator[Problem]:
    match value:
        case list() if depth == 0:
            raise _too_deep(path)
        case _Pairs():
            yield from _object_objections(value, path, depth - 1)
        case list():
            for place, item in enumerate(value):
                yield from _objections(item, f"{path}[{place}]", depth - 1)
        case str():
            yield from _text_objections(value, path)
        case float() if not math.isfinite(value):
            yield Problem(path, "is not a number that can be stored; write a finite one")


def _object_objections(pairs: _Pairs, path: str, depth: int) -> Iterator[Problem]:
    seen: set[str] = set()
    for key, item in pairs:
        inner = key_path(path, key)
        if key in seen:
            yield Problem(inner, "stands twice in one object; keep one of them")
        seen.add(key)
        yield from _text_objections(key, inner)
        yield from _objections(item, inner, depth)


def _text_objections(text: str, path: str) -> Iterator[Problem]:
    if "\0" in text:
        yield Problem(path, "contains U+0000, which can not be stored; remove it")
    if not text.isascii() and _SURROGATE.search(text):
        yield Problem(path, "contains half of a surrogate pair, which is no character; remove it")


def _plain(value: Any) -> Any:
    if isinstance(value, _Pairs):
        return {key: _plain(item) for key, item in value}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


@dataclass(slots=True)
class _Level:
    """An object or array that is open while brackets are counted."""

    is_object: bool
    place: int = 0
    key: str = '""'

    def step(self, path: str) -> str:
        return key_path(path, _unquoted(self.key)) if self.is_object else f"{path}[{self.place}]"


def _deep_path(text: str) -> str:
    """Return the path of the first value that lies too deep in a text too deep to be parsed."""
    levels: list[_Level] = []
    last_string = '""'
    for match in _TOKEN.finditer(text):
        mark = match.group()
        if mark in "[{":
            if len(levels) == MAX_DEPTH:
                break
            levels.append(_Level(mark == "{"))
        elif mark in "]}":
            levels = levels[:-1]
        elif mark == ":" and levels:
            levels[-1].key = last_string
        elif mark == "," and levels:
            levels[-1].place += 1
        else:
            last_string = mark
    path = "$"
    for level in levels:
        path = level.step(path)
    return path


def _unquoted(quoted: str) -> str:
    try:
        return str(json.loads(quoted, strict=False))
    except json.JSONDecodeError:
        return "?"
