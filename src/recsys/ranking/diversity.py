"""Likeness between the best candidates, and an order that balances relevance against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from recsys.ranking.itemlist import Index, ItemList
from recsys.ranking.spread import spread
from recsys.snapshot.snapshot import Scores, Snapshot
from recsys.tenancy.config import RequestParams

_WHOLE = 1 << 16
"""Tag weights become integers, whose sums are exact in any order: two machines agree to the last bit."""


def pool_size(k: int, params: RequestParams) -> int:
    """Return among how many of the best items a list of *k* is diversified."""
    return min(max(params.mmr_pool_factor * k, params.mmr_pool_min), params.mmr_pool_max)


def likeness(numbers: Index, snapshot: Snapshot) -> Scores:
    """Return the weighted Jaccard similarity of the items' tags, shape (p, p), in 0..1; 0 where neither has a tag.

    ``sum of idf of shared tags / sum of idf of all tags of the two``.
    """
    tagged = spread(snapshot.item_tags, numbers)
    tags = snapshot.item_tags.indices.take(tagged.entries)
    held = np.array(sorted(set(tags.tolist())), dtype=np.intp)
    carries = np.zeros((len(numbers), len(held)))
    carries[np.arange(len(numbers)).repeat(tagged.lengths), held.searchsorted(tags)] = 1.0
    weighed = carries * np.rint(snapshot.tag_weight.take(held) * _WHOLE)
    shared = weighed @ carries.T
    own = weighed.sum(axis=1)
    either = own[:, None] + own - shared
    alike: Scores = shared / np.maximum(either, 1.0)  # whole numbers: below 1 means that neither has a tag
    return alike


def by_marginal_relevance(
    items: ItemList, pool: Index, locked: set[int], balance: float, snapshot: Snapshot, admit: Callable[[int], bool]
) -> Iterator[int]:
    """Give places of *pool* that *admit* takes, next the best ``balance * relevance - (1 - balance) * likeness``.

    *pool*, shape (p,), are places in *items*, best first. Likeness is the largest one to what is chosen or locked
    already; relevance is the score brought to 0..1 within the pool, so that the balance means the same whatever the
    range of the scores. J. Carbonell, J. Goldstein, "The use of MMR, diversity-based reranking", SIGIR 1998.
    """
    places: list[int] = pool.tolist()
    relevance = _within(items.score.take(pool)) * balance
    # What each item is still worth beside each other one; a row's minimum with others is its worth beside all of them.
    beside = relevance - likeness(items.numbers.take(pool), snapshot) * (1.0 - balance)
    worth = relevance.copy()
    for row in [row for row, place in enumerate(places) if place in locked]:
        worth[row] = -np.inf
        np.minimum(worth, beside[row], out=worth)
    for _ in range(np.count_nonzero(worth != -np.inf)):
        row = int(worth.argmax())
        worth[row] = -np.inf
        if admit(places[row]):
            np.minimum(worth, beside[row], out=worth)
            yield places[row]


def _within(score: Scores) -> Scores:
    low, high = score.min(), score.max()
    return (score - low) / (high - low) if high > low else np.ones(len(score))
