"""How good a list is: one small function a metric, its docstring its definition (pure).

*ranked* is a list of item ids, best first, without repetition; *relevant* is the set of ids that should be in it.
Everything binary: an item is relevant or it is not. A visitor without relevant items has no score at all and is
left out by the caller; every function here raises ValueError for an empty *relevant*, so that nobody averages zeros.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from math import log2


def hit(ranked: Sequence[str], relevant: AbstractSet[str], k: int) -> float:
    """1 if any of the first k is relevant, else 0. Its mean over visitors is the hit rate HR@k."""
    return float(_hits(ranked, relevant, k) > 0)


def recall(ranked: Sequence[str], relevant: AbstractSet[str], k: int) -> float:
    """Share of the relevant items that are among the first k: |relevant in first k| / |relevant|."""
    return _hits(ranked, relevant, k) / len(relevant)


def precision(ranked: Sequence[str], relevant: AbstractSet[str], k: int) -> float:
    """Share of k places that hold a relevant item: |relevant in first k| / k. A short list is not excused."""
    return _hits(ranked, relevant, k) / k


def reciprocal_rank(ranked: Sequence[str], relevant: AbstractSet[str], k: int) -> float:
    """1 / rank of the first relevant item among the first k, 0 without one. Its mean over visitors is MRR@k."""
    _require(relevant)
    return next((1 / rank for rank, item in enumerate(ranked[:k], start=1) if item in relevant), 0.0)


def average_precision(ranked: Sequence[str], relevant: AbstractSet[str], k: int) -> float:
    """Mean precision at the ranks that hold a relevant item, over min(k, |relevant|). Averaged over visitors: MAP@k."""
    _require(relevant)
    found, total = 0, 0.0
    for rank, item in enumerate(ranked[:k], start=1):
        if item in relevant:
            found += 1
            total += found / rank
    return total / min(k, len(relevant))


def ndcg(ranked: Sequence[str], relevant: AbstractSet[str], k: int) -> float:
    """Normalised discounted cumulative gain, gains 0 or 1 (Jaervelin and Kekaelaeinen 2002).

    sum over ranks r <= k with a relevant item of 1 / log2(r + 1), divided by the same sum for min(k, |relevant|)
    relevant items in the first places.
    """
    _require(relevant)
    gain = sum(1 / log2(rank + 1) for rank, item in enumerate(ranked[:k], start=1) if item in relevant)
    return gain / sum(1 / log2(rank + 1) for rank in range(1, min(k, len(relevant)) + 1))


def coverage(lists: Iterable[Sequence[str]], catalogue: Collection[str]) -> float:
    """Share of the catalogue that is in any list; 0 for an empty catalogue."""
    shown = {item for ranked in lists for item in ranked}
    return len(shown & set(catalogue)) / len(catalogue) if catalogue else 0.0


def novelty(ranked: Sequence[str], share: Mapping[str, float]) -> float:
    """Mean self-information of the items in bits: -log2 of the share of visitors who interacted with an item.

    *share* gives that share in 0..1; an item that nobody touched is left out. 0 for a list without known items.
    """
    bits = [-log2(known) for item in ranked if (known := share.get(item, 0.0)) > 0]
    return sum(bits) / len(bits) if bits else 0.0


def intra_list_diversity(ranked: Sequence[str], tags: Mapping[str, AbstractSet[str]]) -> float:
    """Mean Jaccard distance of tags over all pairs of the list; two items without tags are not different.

    0 for a list of fewer than two items.
    """
    sets = [tags.get(item, frozenset()) for item in ranked]
    distances = [_distance(left, right) for place, left in enumerate(sets) for right in sets[place + 1 :]]
    return sum(distances) / len(distances) if distances else 0.0


def _distance(left: AbstractSet[str], right: AbstractSet[str]) -> float:
    union = len(left | right)
    return 1 - len(left & right) / union if union else 0.0


def _hits(ranked: Sequence[str], relevant: AbstractSet[str], k: int) -> int:
    _require(relevant)
    return len(relevant & set(ranked[:k]))


def _require(relevant: AbstractSet[str]) -> None:
    if not relevant:
        raise ValueError("nothing is relevant: this visitor has no score and must be left out")
