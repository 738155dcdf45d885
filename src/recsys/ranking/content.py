"""Likeness by tags: a taste is a vector over tags, and an item's affinity is its cosine with it."""

from __future__ import annotations

from typing import NamedTuple

from recsys.ranking.itemlist import Index
from recsys.ranking.loops import tags
from recsys.snapshot.snapshot import Scores, Snapshot
from recsys.snapshot.vocabulary import Numbers


class Taste(NamedTuple):
    """A weighted mean of the items' tag vectors, brought to unit length."""

    tags: Numbers
    """(s,) what it holds, each once, in the order in which the items named it."""
    masses: Scores
    """(s,) how much of it each tag is."""
    keys: Numbers
    """The same as a table to look tags up in, with places that are empty (-1),"""
    table: Scores
    """and what each weighs, 0 in an empty place."""

    def leading(self, most: int) -> Index:
        """Return the heaviest tags, at most *most*."""
        return tags.heaviest(self.tags, self.masses, most)


def taste(numbers: Index, weights: Scores, snapshot: Snapshot) -> Taste | None:
    """Blend the tags of these items, item i weighing ``weights[i]``; None if none of them has a tag."""
    blended = Taste(*tags.blended(snapshot.item_tags.vectors, numbers, weights))
    return blended if len(blended.tags) else None


def affinity(taste: Taste, numbers: Index, snapshot: Snapshot) -> Scores:
    """Return the cosine of each item with *taste*, in 0..1, shape (m,); 0 for an item without tags."""
    return tags.affinities(snapshot.item_tags.lists, snapshot.tag_weight, numbers, (taste.keys, taste.table))
