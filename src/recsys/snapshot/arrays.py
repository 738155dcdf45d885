"""A value with arrays in it becomes a tree and a list of arrays, and back, by its declared types (pure)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import numpy as np
import numpy.typing as npt

from recsys.snapshot.vocabulary import Vocabulary
from recsys.snapshot.words import Words

Array = npt.NDArray[Any]


def take_apart(value: Any, keep: Callable[[Array], int]) -> Any:
    """Describe *value* in terms of JSON, each of its arrays by the number that *keep* gives it.

    Dataclasses, named tuples and tuples are gone through, a vocabulary is its `Words`; all else is what msgspec can
    write: numbers, texts, dates, UUIDs, structs.
    """
    match value:
        case np.ndarray():
            return keep(value)
        case Vocabulary():
            return take_apart(value.words(), keep)
        case tuple() if hasattr(value, "_asdict"):
            return {name: take_apart(one, keep) for name, one in value._asdict().items()}
        case tuple():
            return [take_apart(one, keep) for one in value]
        case _ if is_dataclass(value):
            return {field.name: take_apart(getattr(value, field.name), keep) for field in fields(value)}
        case _:
            return msgspec.to_builtins(value)


def put_together(kind: Any, tree: Any, array: Callable[[int], Array]) -> Any:
    """Make a value of *kind*, a type or an annotation, of what `take_apart` made; *array* gives back what was kept.

    Raises TypeError, ValueError or LookupError where the tree is not one of this kind: a field came or went.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is np.ndarray:
        return array(tree)
    if origin in {Union, UnionType}:
        (kind,) = set(arguments) - {NoneType}
        return None if tree is None else put_together(kind, tree, array)
    if origin is tuple:
        return tuple(put_together(arguments[0], one, array) for one in tree)
    return _put_together_class(kind, tree, array)


def _put_together_class(kind: Any, tree: Any, array: Callable[[int], Array]) -> Any:
    if kind is Vocabulary:
        return Vocabulary(put_together(Words, tree, array))
    if is_dataclass(kind) or hasattr(kind, "_fields"):
        hints = get_type_hints(kind)
        if hints.keys() != tree.keys():
            raise KeyError(*(hints.keys() ^ tree.keys()))
        return kind(**{name: put_together(hint, tree[name], array) for name, hint in hints.items()})
    return msgspec.convert(tree, kind)
