"""Compare a JSON value with the type that it should have, and report everything that is wrong, not the first (pure).

The types are msgspec Structs; what they allow is said once, in their annotations. ``null`` for a key that may be
left out means that it is left out, unless the type gives it a meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from typing import Any

from msgspec import inspect

from recsys.errors import Problem
from recsys.tenancy.document import Reading, key_path, shown


def problems(reading: Reading, kind: Any) -> list[Problem]:
    """List everything that can not be stored, and everything that *kind*, a type, does not allow; one for each path."""
    found: dict[str, Problem] = {}
    for problem in (*reading.problems, *_check(reading.value, _info(kind), "$")):
        found.setdefault(problem.path, problem)
    return list(found.values())


def sound(value: dict[str, Any], found: list[Problem], path: str = "$") -> dict[str, Any]:
    """Return the keys of the object at *path* in which no problem was found."""
    return {
        key: item
        for key, item in value.items()
        if not any(problem.path.startswith(key_path(path, key)) for problem in found)
    }


def normalized(value: Any, kind: Any) -> Any:
    """Leave out every key whose null means that it is absent, and write 5.0 as 5 where a whole number is wanted.

    *value* has no problems.
    """
    return _normalized(value, _info(kind))


@cache
def _info(kind: Any) -> inspect.Type:
    return inspect.type_info(kind)


def _check(value: Any, info: inspect.Type, path: str, say: str | None = None) -> Iterator[Problem]:
    match info:
        case inspect.Metadata():
            yield from _check(value, info.type, path, (info.extra or {}).get("say", say))
        case inspect.UnionType():
            yield from _check_union(value, info, path, say)
        case inspect.StructType() if isinstance(value, dict):
            yield from _check_struct(value, info, path)
        case inspect.DictType() if isinstance(value, dict):
            yield from _check_map(value, info, path)
        case inspect.VarTupleType() if isinstance(value, list):
            yield from _check_list(value, info, path)
        case _ if not _fits(value, info):
            yield Problem(path, f"must be {say or _noun(info)}, not {shown(value)}{_hint(value, info)}")


def _check_union(value: Any, info: inspect.UnionType, path: str, say: str | None) -> Iterator[Problem]:
    if value is None and any(isinstance(one, inspect.NoneType) for one in info.types):
        return
    (only,) = (one for one in info.types if not isinstance(one, inspect.NoneType))
    yield from _check(value, only, path, say)


def _check_struct(value: dict[str, Any], info: inspect.StructType, path: str) -> Iterator[Problem]:
    fields = {field.encode_name: field for field in info.fields}
    for key, item in value.items():
        if key not in fields:
            yield Problem(key_path(path, key), f"is not a key that is known here.{_suggestion(key, list(fields))}")
        elif not (item is None and not fields[key].required):
            yield from _check(item, fields[key].type, key_path(path, key))
    for key, field in fields.items():
        if field.required and key not in value:
            yield Problem(key_path(path, key), f"is missing; it must be {_name(field.type)}")


def _check_map(value: dict[str, Any], info: inspect.DictType, path: str) -> Iterator[Problem]:
    yield from _check_length(value, info, path, "keys")
    for key, item in value.items():
        inner = key_path(path, key)
        yield from (
            Problem(problem.path, f"its key {problem.message}") for problem in _check(key, info.key_type, inner)
        )
        yield from _check(item, info.value_type, inner)


def _check_list(value: list[Any], info: inspect.VarTupleType, path: str) -> Iterator[Problem]:
    yield from _check_length(value, info, path, "values")
    for place, item in enumerate(value):
        yield from _check(item, info.item_type, f"{path}[{place}]")


def _check_length(
    value: dict[str, Any] | list[Any], info: inspect.DictType | inspect.VarTupleType, path: str, noun: str
) -> Iterator[Problem]:
    if len(value) > (info.max_length or len(value)):
        yield Problem(path, f"has {len(value)} {noun}; at most {info.max_length} are allowed")
    if len(value) < (info.min_length or 0):
        yield Problem(path, f"has {len(value)} {noun}; at least {info.min_length} is needed")


def _fits(value: Any, info: inspect.Type) -> bool:
    match info:
        case inspect.StrType():
            return isinstance(value, str) and _text_fits(value, info)
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType():
            return _is_number(value) and float(value).is_integer() and _within(value, info)
        case inspect.FloatType():
            return _is_number(value) and _within(value, info)
        case inspect.LiteralType():
            return isinstance(value, str) and value in info.values
        case _:
            return False


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _within(value: float, info: inspect.IntType | inspect.FloatType) -> bool:
    low, high = _bounds(info)
    return low <= value <= high


def _bounds(info: inspect.IntType | inspect.FloatType) -> tuple[float, float]:
    return (float("-inf") if info.ge is None else info.ge, float("inf") if info.le is None else info.le)


def _text_fits(value: str, info: inspect.StrType) -> bool:
    long_enough = (info.min_length or 0) <= len(value) <= (len(value) if info.max_length is None else info.max_length)
    return long_enough and (info.pattern is None or re.fullmatch(info.pattern, value) is not None)


def _name(info: inspect.Type) -> str:
    if isinstance(info, inspect.Metadata):
        return (info.extra or {}).get("say") or _name(info.type)
    return _noun(info)


def _noun(info: inspect.Type) -> str:
    match info:
        case inspect.LiteralType():
            return "one of " + ", ".join(shown(word) for word in info.values)
        case inspect.IntType() | inspect.FloatType():
            noun = "a whole number" if isinstance(info, inspect.IntType) else "a number"
            low, high = _bounds(info)
            return f"{noun} from {low:.15g} to {high:.15g}"
        case inspect.StrType():
            return f"a text of {info.min_length or 0} to {info.max_length} characters"
        case inspect.BoolType():
            return "true or false"
        case inspect.VarTupleType():
            return "an array"
        case _:
            return "an object"


def _hint(value: Any, info: inspect.Type) -> str:
    if isinstance(info, inspect.LiteralType) and isinstance(value, str):
        return _suggestion(value, [str(word) for word in info.values], known=False)
    return ""


def _suggestion(word: str, known_words: list[str], *, known: bool = True) -> str:
    close = get_close_matches(word, known_words, n=1)
    guess = f" Did you mean {shown(close[0])}?" if close else ""
    return guess + (f" Known: {', '.join(known_words)}" if known else "")


def _normalized(value: Any, info: inspect.Type) -> Any:
    if value is None:
        return None
    match _core(info):
        case inspect.StructType() as core:
            kinds = {field.encode_name: field.type for field in core.fields}
            kept = {key: item for key, item in value.items() if item is not None or _nullable(kinds[key])}
            return {key: _normalized(item, kinds[key]) for key, item in kept.items()}
        case inspect.DictType() as core:
            return {key: _normalized(item, core.value_type) for key, item in value.items()}
        case inspect.VarTupleType() as core:
            return [_normalized(item, core.item_type) for item in value]
        case inspect.IntType():
            return int(value)
        case _:
            return value


def _core(info: inspect.Type) -> inspect.Type:
    """Return the type that is left without its annotations and without null."""
    match info:
        case inspect.Metadata():
            return _core(info.type)
        case inspect.UnionType():
            return _core(next(one for one in info.types if not isinstance(one, inspect.NoneType)))
        case _:
            return info


def _nullable(info: inspect.Type) -> bool:
    if isinstance(info, inspect.Metadata):
        return _nullable(info.type)
    return isinstance(info, inspect.UnionType) and any(isinstance(one, inspect.NoneType) for one in info.types)
