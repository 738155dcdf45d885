"""Rows become a snapshot: a pure function of the rows, the parameters and the time (pure)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt

from recsys.snapshot.cards import rewritten, written
from recsys.snapshot.columns import Columns, day_number
from recsys.snapshot.evidence import Evidence, summed
from recsys.snapshot.neighbors import best_neighbors
from recsys.snapshot.rows import Rows, Scores, indptr
from recsys.snapshot.sessions import SessionColumns, remember
from recsys.snapshot.snapshot import Snapshot
from recsys.snapshot.version import Digests, digest, digest_of
from recsys.snapshot.vocabulary import Numbers, Vocabulary
from recsys.tenancy.config import SignalParams

_LEADING = 200
"""As many as `exploration.trending` and `exploration.new` can ask for."""


def freeze(columns: Columns, params: SignalParams, *, tenant_id: UUID, namespace: str, now: datetime) -> Snapshot:
    """Make the snapshot that *columns* give at *now* (aware; its day in UTC is what ages are counted from).

    The order of the rows does not matter: the same rows give the same bytes, and the same version.
    """
    evidence = summed(columns, params, day_of(now))
    snapshot = weighed(evidence, params, tenant_id=tenant_id, namespace=namespace, as_of=now)
    return snapshot if columns.sessions is None else with_sessions(snapshot, columns.sessions)


def day_of(now: datetime) -> int:
    """Return the day of *now* in UTC, in days since 1970-01-01."""
    return day_number(now.astimezone(UTC).date())


def weighed(
    evidence: Evidence,
    params: SignalParams,
    *,
    tenant_id: UUID,
    namespace: str,
    as_of: datetime,
    neighbors: Rows | None = None,
    before: Snapshot | None = None,
) -> Snapshot:
    """Make everything that ranking reads; *neighbors* saves choosing them again where no pair is another one.

    What is the same object as in *before* is neither weighed nor digested again.
    """
    popularity, n = evidence.popularity, len(evidence.items)
    score, ranked = popularity_score(popularity), by_popularity(popularity)
    if neighbors is None:
        neighbors = best_neighbors(evidence.raw.pairs, params)
    tag_items = _tag_items(evidence.item_tags, len(evidence.tags), ranked)
    if before is not None and evidence.item_tags is before.item_tags:
        weight, item_tags = before.tag_weight, before.item_tags
        cards = rewritten(before.cards, score, evidence.available)
    else:
        weight = tag_weight(np.diff(tag_items.indptr), n)
        norms = tag_norms(evidence.item_tags, weight)
        item_tags = unit_rows(evidence.item_tags, weight, norms)
        cards = written(score, evidence.available, item_tags, norms)
    raw = evidence.raw
    trending, newest = leading(raw.trending, evidence.available), leading(raw.created, evidence.available)
    _lock(trending, newest, raw.trending, raw.created)
    evidence.items.words()  # requests look their ids up in it: the first one need not wait
    _lock(evidence.available, popularity, score, ranked, weight, cards, raw.strangers)
    _lock(*neighbors.arrays, *item_tags.arrays, *tag_items.arrays, *raw.pairs.arrays)
    digests = _digests(before, evidence.items, evidence.tags, neighbors, item_tags)
    version = digest(
        msgspec.json.encode(params, order="deterministic"),
        *(one.encode() for one in digests),
        evidence.available,
        popularity,
        trending,
        newest,
    )
    return Snapshot(
        tenant_id=tenant_id,
        namespace=namespace,
        version=version,
        as_of=as_of,
        params=params,
        items=evidence.items,
        available=evidence.available,
        popularity=popularity,
        popularity_score=score,
        by_popularity=ranked,
        neighbors=neighbors,
        tags=evidence.tags,
        item_tags=item_tags,
        tag_items=tag_items,
        tag_weight=weight,
        cards=cards,
        trending=trending,
        newest=newest,
        raw=raw,
        digests=digests,
    )


def with_sessions(snapshot: Snapshot, columns: SessionColumns) -> Snapshot:
    """Let *snapshot* remember these sessions and no others; its version begins with the one of its signals."""
    sessions = remember(columns, len(snapshot.items))
    version = f"{signals_of(snapshot.version)}.{digest(*sessions.items.arrays)}"
    return replace(snapshot, sessions=(sessions,), version=version)


def signals_of(version: str) -> str:
    """Return the part of a version that says what the signal tables hold, whatever sessions are remembered."""
    return version.partition(".")[0]


def popularity_score(popularity: Scores) -> Scores:
    """Bring decayed sums into 0..1: ``ln(1 + s) / ln(1 + largest)``, shape (n,); all 0 if nothing is popular.

    A tenfold sum is worth about the same step everywhere, so a busy catalogue still tells its items apart.
    """
    largest = popularity.max(initial=0.0)
    return np.log1p(popularity) / np.log1p(largest) if largest > 0 else np.zeros(len(popularity))


def leading(values: npt.NDArray[np.number], available: npt.NDArray[np.bool_]) -> Numbers:
    """Return the items that may be shown with the largest *values* above 0, ties by number; at most 200."""
    if len(values) == 0:
        return np.empty(0, dtype=np.int32)
    positive = np.flatnonzero((values > 0) & available)
    return positive[np.argsort(-values[positive], kind="stable")][:_LEADING].astype(np.int32)


def by_popularity(popularity: Scores) -> Numbers:
    """Return all numbers, most popular first, ties by number, shape (n,)."""
    return np.argsort(-popularity, kind="stable").astype(np.int32)


def tag_weight(items: npt.NDArray[np.int64], n: int) -> Scores:
    """Return each tag's inverse document frequency ``ln(1 + n / items)``, shape (t,), given how many items carry it."""
    return np.log1p(n / items)


def tag_norms(item_tags: Rows, weight: Scores) -> Scores:
    """Return the length of each item's vector of tags, each of which counts its *weight*, shape (n,)."""
    values, lengths = weight[item_tags.indices], np.diff(item_tags.indptr)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    return np.sqrt(np.bincount(owner, values * values, minlength=len(lengths)))


def unit_rows(item_tags: Rows, weight: Scores, norms: Scores) -> Rows:
    """Let each tag of an item count its inverse document frequency, brought to a length of 1 for the item."""
    owned = np.repeat(norms, np.diff(item_tags.indptr))
    return Rows(item_tags.indptr, item_tags.indices, (weight[item_tags.indices] / owned).astype(np.float32))


def _tag_items(item_tags: Rows, t: int, ranked: Numbers) -> Rows:
    """Return the items of each tag, most popular first."""
    ends, tag = item_tags.lists
    item = np.repeat(np.arange(len(ends) - 1, dtype=np.int32), np.diff(ends))
    place = np.empty(len(ranked), dtype=np.int32)
    place[ranked] = np.arange(len(ranked), dtype=np.int32)
    order = np.argsort(tag * np.int64(len(ranked)) + place[item])
    return Rows(indptr(tag, t), item[order])


def _digests(before: Snapshot | None, *parts: Vocabulary | Rows) -> Digests:
    """Digest each of the parts that is not the same object as in *before*."""
    known: dict[int, str] = {}
    if before is not None:
        were = before.items, before.tags, before.neighbors, before.item_tags
        known = {id(part): one for part, one in zip(were, before.digests, strict=True)}
    return Digests(*(known.get(id(part)) or digest_of(part) for part in parts))


def _lock(*arrays: npt.NDArray[np.generic]) -> None:
    """Let nobody write to what every request reads."""
    for array in arrays:
        array.flags.writeable = False
