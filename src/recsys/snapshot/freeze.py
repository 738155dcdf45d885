"""Rows become a snapshot: a pure function of the rows, the parameters and the time (pure)."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt

from recsys.snapshot.columns import Columns, PopularityColumns, TagColumns, day_number
from recsys.snapshot.decay import Decay, decayed_sums
from recsys.snapshot.neighbors import best_neighbors
from recsys.snapshot.rows import Rows, Scores, indptr
from recsys.snapshot.sessions import remember
from recsys.snapshot.snapshot import Snapshot
from recsys.snapshot.vocabulary import Numbers
from recsys.tenancy.config import SignalParams

_VERSION_BYTES = 6


def freeze(columns: Columns, params: SignalParams, *, tenant_id: UUID, namespace: str, now: datetime) -> Snapshot:
    """Make the snapshot that *columns* give at *now* (aware; its day in UTC is what ages are counted from).

    The order of the rows does not matter: the same rows give the same bytes, and the same version.
    """
    n, today = len(columns.items), day_number(now.astimezone(UTC).date())
    popularity = _popularity(columns.popularity, n, Decay(today, params.popularity_half_life, params.popularity_window))
    score, ranked = popularity_score(popularity), by_popularity(popularity)
    neighbors = best_neighbors(
        columns.covisitation, n, Decay(today, params.covisitation_half_life, params.covisitation_window), params
    )
    available = np.ones(n, dtype=np.bool_)
    available[columns.unavailable] = False
    item_tags, tag_items = _tags(columns.tagged, n, len(columns.tags), ranked)
    weight = tag_weight(np.diff(tag_items.indptr), n)
    item_tags = unit_rows(item_tags, weight)
    sessions = () if columns.sessions is None else (remember(columns.sessions, n),)
    _lock(available, popularity, score, ranked, weight, *_arrays(neighbors), *_arrays(item_tags), *_arrays(tag_items))
    version = _version(
        msgspec.json.encode(params, order="deterministic"),
        "\0".join(columns.items.ids).encode(),
        "\0".join(columns.tags.ids).encode(),
        available,
        popularity,
        *_arrays(neighbors),
        *_arrays(item_tags),
        *(array for one in sessions for array in _arrays(one.items)),
    )
    return Snapshot(
        tenant_id=tenant_id,
        namespace=namespace,
        version=version,
        as_of=now,
        params=params,
        items=columns.items,
        available=available,
        popularity=popularity,
        popularity_score=score,
        by_popularity=ranked,
        neighbors=neighbors,
        tags=columns.tags,
        item_tags=item_tags,
        tag_items=tag_items,
        tag_weight=weight,
        sessions=sessions,
    )


def popularity_score(popularity: Scores) -> Scores:
    """Bring decayed sums into 0..1: ``ln(1 + s) / ln(1 + largest)``, shape (n,); all 0 if nothing is popular.

    A tenfold sum is worth about the same step everywhere, so a busy catalogue still tells its items apart.
    """
    largest = popularity.max(initial=0.0)
    return np.log1p(popularity) / np.log1p(largest) if largest > 0 else np.zeros(len(popularity))


def by_popularity(popularity: Scores) -> Numbers:
    """Return all numbers, most popular first, ties by number, shape (n,)."""
    return np.argsort(-popularity, kind="stable").astype(np.int32)


def tag_weight(items: npt.NDArray[np.int64], n: int) -> Scores:
    """Return each tag's inverse document frequency ``ln(1 + n / items)``, shape (t,), given how many items carry it."""
    return np.log1p(n / items)


def unit_rows(item_tags: Rows, weight: Scores) -> Rows:
    """Let each tag of an item count its inverse document frequency, brought to a length of 1 for the item."""
    values, lengths = weight[item_tags.indices], np.diff(item_tags.indptr)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    norms = np.sqrt(np.bincount(owner, values * values, minlength=len(lengths)))
    return Rows(item_tags.indptr, item_tags.indices, (values / norms[owner]).astype(np.float32))


def _popularity(columns: PopularityColumns, n: int, decay: Decay) -> Scores:
    sums = decayed_sums(columns.item.astype(np.int64), columns.day, columns.score, decay)
    popularity = np.zeros(n)
    popularity[sums.keys] = sums.values
    return popularity


def _tags(columns: TagColumns, n: int, t: int, ranked: Numbers) -> tuple[Rows, Rows]:
    """Return the tags of each item, ascending, and the items of each tag, most popular first."""
    entries = np.unique(columns.item * np.int64(t) + columns.tag)
    item, tag = (entries // max(t, 1)).astype(np.int32), (entries % max(t, 1)).astype(np.int32)
    place = np.empty(n, dtype=np.int32)
    place[ranked] = np.arange(n, dtype=np.int32)
    order = np.argsort(tag * np.int64(n) + place[item])
    return Rows(indptr(item, n), tag), Rows(indptr(tag, t), item[order])


def _arrays(rows: Rows) -> tuple[npt.NDArray[np.generic], ...]:
    return (rows.indptr, rows.indices) if rows.values is None else (rows.indptr, rows.indices, rows.values)


def _lock(*arrays: npt.NDArray[np.generic]) -> None:
    """Let nobody write to what every request reads."""
    for array in arrays:
        array.flags.writeable = False


def _version(*parts: bytes | npt.NDArray[np.generic]) -> str:
    """Digest what ranking reads; the length of each part keeps neighbours apart."""
    digest = blake2b(digest_size=_VERSION_BYTES)
    for part in parts:
        content = part if isinstance(part, bytes) else part.tobytes()
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.hexdigest()
