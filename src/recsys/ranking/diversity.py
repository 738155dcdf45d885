"""What the best candidates are worth beside each other: relevance balanced against likeness."""

from __future__ import annotations

from typing import Final

import numpy as np

from recsys.ranking.compiled import Grid
from recsys.ranking.itemlist import Index, ItemList
from recsys.ranking.loops.greedy import alike, worths
from recsys.snapshot.snapshot import Snapshot
from recsys.tenancy.config import RequestParams

NO_WORTH: Final = np.empty((0, 0))


def pool_size(k: int, params: RequestParams) -> int:
    """Return among how many of the best items a list of *k* is diversified."""
    return min(max(params.mmr_pool_factor * k, params.mmr_pool_min), params.mmr_pool_max)


def likeness(numbers: Index, snapshot: Snapshot) -> Grid:
    """Return the weighted Jaccard similarity of the items' tags, shape (p, p), in 0..1; 0 where neither has a tag.

    ``sum of idf of shared tags / sum of idf of all tags of the two``.
    """
    return alike(snapshot.item_tags.lists, numbers, snapshot.tag_weight)


def marginal_relevance(items: ItemList, pool: Index, balance: float, snapshot: Snapshot) -> Grid:
    """Return what each of the p best items is worth beside each other one, shape (p, p); on the diagonal: alone.

    ``balance * relevance - (1 - balance) * likeness``. *pool* are their places, best first. Relevance is the score
    brought to 0..1 within the pool, so that the balance means the same whatever the range of the scores.
    J. Carbonell, J. Goldstein, "The use of MMR, diversity-based reranking", SIGIR 1998.
    """
    return worths(snapshot.item_tags.lists, items.numbers[pool], snapshot.tag_weight, items.score[pool], balance)
