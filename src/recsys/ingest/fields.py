"""What a field of a file's row may hold (pure). Ids may be numbers in a file; they are stored as text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

META_BYTES_MAX = 4096
TAGS_MAX = 64

_CLEAN = r"\A[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*\Z"
_NAME = r"\A(?!\.{1,2}\Z)[^/\\\x00-\x1f\x7f-\x9f\ud800-\udfff]*\Z"
_WORD = r"\A[a-z][a-z0-9_]{0,31}\Z"
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

Text = Annotated[str, Meta(min_length=1, max_length=128, pattern=_CLEAN)]
Id = Text | int
PersonId = Annotated[str, Meta(max_length=256, pattern=_CLEAN)] | int
Name = Annotated[str, Meta(min_length=1, max_length=128, pattern=_NAME)]
EventType = Annotated[str, Meta(pattern=_WORD)]
Tags = Annotated[list[Text], Meta(max_length=TAGS_MAX)]

_WORDS = {
    f"`str` matching regex {pattern!r}": words
    for pattern, words in (
        (_CLEAN, "text without control characters, in valid UTF-8"),
        (_NAME, "a name without / and \\ and control characters, neither . nor .."),
        (_WORD, "a word of a to z, 0 to 9 and _, at most 32 long"),
    )
}


def in_words(reason: str) -> str:
    """Say in words what a pattern asks for."""
    for pattern, words in _WORDS.items():
        reason = reason.replace(pattern, words)
    return reason


def text(*values: str | int | None) -> str | None:
    """Return the first id that is there, as text; None and empty text are nobody."""
    for value in values:
        if value is not None and value != "":
            return str(value)
    return None


def meta_json(value: Mapping[str, Any] | None) -> bytes | None:
    """Encode an event's `meta` for jsonb; ValueError when it is too large or Postgres could not hold it."""
    if value is None:
        return None
    encoded = msgspec.json.encode(value)
    if len(encoded) > META_BYTES_MAX:
        msg = f"is larger than {META_BYTES_MAX} bytes"
        raise ValueError(msg)
    if _ESCAPED_NUL.search(encoded):
        msg = "holds U+0000, which is not allowed in text"
        raise ValueError(msg)
    return encoded
