"""Likeness by tags: a taste is a vector over tags, and an item's affinity is its cosine with it."""

from __future__ import annotations

from typing import NamedTuple

from recsys.ranking.compiled import Taste as Table
from recsys.ranking.itemlist import Index
from recsys.ranking.loops import rating
from recsys.snapshot.snapshot import Scores, Snapshot
from recsys.snapshot.vocabulary import Numbers


class Taste(NamedTuple):
    """A weighted mean of the items' tag vectors, brought to unit length."""

    tags: Numbers
    """(s,) what it holds, each once, in the order in which the items named it."""
    masses: Scores
    """(s,) how much of it each tag is."""
    products: Table
    """What each tag of the catalogue adds to an item's product with it."""


def taste(numbers: Index, weights: Scores, snapshot: Snapshot) -> Taste | None:
    """Blend the tags of these items, item i weighing ``weights[i]``; None if none of them has a tag."""
    held, masses, places, products = rating.blended(snapshot.item_tags.vectors, snapshot.tag_weight, numbers, weights)
    return Taste(held, masses, (places, products)) if len(held) else None
