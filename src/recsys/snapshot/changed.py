"""Which items of a namespace have other rows than a snapshot was made from (pure)."""

from __future__ import annotations

from dataclasses import dataclass

ITEMS_MAX = 5000
"""Changed items that are amended; beyond them the whole namespace is loaded: at 100,000 items that costs as much."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Items by what changed. None in the place of a `Changed` means any item."""

    items: frozenset[str] = frozenset()
    """All of them."""
    met: frozenset[str] = frozenset()
    """Those of them whose rows of co-visitation changed."""


NOTHING = Changed()


def united(one: Changed | None, other: Changed | None) -> Changed | None:
    """Return what changed in either; None where that is any item, or more than are worth amending."""
    if one is None or other is None:
        return None
    items = one.items | other.items
    return Changed(items, one.met | other.met) if len(items) <= ITEMS_MAX else None
