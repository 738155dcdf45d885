"""Names that a person would read as the same: another case, a blank before or behind, another dash (pure)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_SEPARATORS = str.maketrans(dict.fromkeys("-_ ./", "-"))


def alike(name: str, others: Iterable[str]) -> list[str]:
    """List those of *others* that differ from *name* only in case, blanks around it, width or separators."""
    return [other for other in others if other != name and folded(other) == folded(name)]


def folded(name: str) -> str:
    """Spell a name in the way in which look-alikes are the same."""
    return unicodedata.normalize("NFKC", name).strip().casefold().translate(_SEPARATORS)
