"""Kinds of values that a setting may take: how each is read, and how the reference page and an error name it."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}
_SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""What a token may be signed with: never a secret that who checks it would hold too, never nothing."""

_DIGEST = re.compile(r"[0-9a-f]{64}")

_Number = TypeVar("_Number", int, float)


class Kind(NamedTuple):
    """What is taken, in words, and how it is read; reading anything else raises ValueError."""

    takes: str
    read: Callable[[str], Any]


def whole(low: int, high: int) -> Kind:
    """Take a whole number within both bounds."""
    return Kind(f"a whole number, {low} to {high}", lambda text: _within(int(text), low, high))


def number(low: float, high: float) -> Kind:
    """Take a number within both bounds."""
    return Kind(f"a number, {low:.15g} to {high:.15g}", lambda text: _within(float(text), low, high))


def seconds(low: float, high: float) -> Kind:
    """Take a number of seconds within both bounds."""
    return Kind(f"seconds, {low:.15g} to {high:.15g}", lambda text: _within(float(text), low, high))


def choice(*options: str) -> Kind:
    """Take one of these words, in any case."""
    *most, last = (f"`{option}`" for option in options)
    return Kind(f"{', '.join(most)} or {last}", lambda text: _one_of(text.strip().lower(), options))


def _within(value: _Number, low: _Number, high: _Number) -> _Number:
    if not low <= value <= high:
        raise ValueError(value)
    return value


def _one_of(word: str, options: tuple[str, ...]) -> str:
    if word not in options:
        raise ValueError(word)
    return word


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(word)
    return word in _TRUE


def _identifier(text: str) -> str:
    word = text.strip()
    if not (word.isidentifier() and word.islower()):
        raise ValueError(word)
    return word


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.replace(",", " ").split() if word)


def _digests(text: str) -> tuple[str, ...]:
    found = tuple(word.lower() for word in _words(text))
    if not all(_DIGEST.fullmatch(word) for word in found):
        raise ValueError(text)
    return found


def _signatures(text: str) -> tuple[str, ...]:
    chosen = tuple(_one_of(word, _SIGNATURES) for word in _words(text))
    if not chosen:
        raise ValueError(text)
    return chosen


boolean = Kind("`true` or `false`", _boolean)
text = Kind("text", str.strip)
path = Kind("a path", lambda text: Path(text).expanduser())
identifier = Kind("a lower-case identifier", _identifier)
words = Kind("words, separated by commas or blanks", _words)
signatures = Kind(f"some of {', '.join(_SIGNATURES)}", _signatures)
digests = Kind("SHA-256 digests in hexadecimal, separated by commas or blanks", _digests)
networks = Kind(
    "networks such as `10.0.0.0/8`, separated by commas or blanks",
    lambda text: tuple(str(ip_network(word, strict=False)) for word in _words(text)),
)
