"""How much memory a snapshot takes (pure)."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import numpy as np

from recsys.snapshot.vocabulary import Vocabulary

_FIXED = 4096
"""Objects around the arrays: what a snapshot of an empty namespace takes."""


def footprint(snapshot: object) -> int:
    """Return the bytes of a snapshot's arrays and ids, in whatever fields they are; mapped ones count as if read."""
    return _FIXED + _bytes(snapshot)


def _bytes(value: object) -> int:
    if isinstance(value, np.ndarray | Vocabulary):
        return value.nbytes
    if isinstance(value, tuple):
        return sum(map(_bytes, value))
    if is_dataclass(value):
        return sum(_bytes(getattr(value, field.name)) for field in fields(value))
    return 0
