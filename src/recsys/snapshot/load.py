"""Read one namespace's signals out of the database and freeze them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import numpy.typing as npt
import psycopg

from recsys.db.queries import sql
from recsys.snapshot.changes import origin_of
from recsys.snapshot.columns import Columns, CreatedColumns, TagColumns
from recsys.snapshot.freeze import freeze
from recsys.snapshot.packed import COVISITATION, POPULARITY, Keys, Pack, covisitation_columns, popularity_columns
from recsys.snapshot.sessions import SessionColumns
from recsys.snapshot.snapshot import Snapshot
from recsys.snapshot.tail import read_sessions, session_parameters
from recsys.snapshot.vocabulary import Numbers, Vocabulary
from recsys.snapshot.window import day_bounds
from recsys.tenancy.config import SignalParams

_FETCH = 2000
"""Items fetched at a time; one of them may bring a megabyte of neighbours."""


def load(conn: psycopg.Connection, tenant_id: UUID, namespace: str, params: SignalParams, *, now: datetime) -> Snapshot:
    """Load a namespace as it stands at *now*; one without rows gives a snapshot without items.

    *conn* is in a transaction that sees all rows of the tenant at one moment: `Database.reading()`.
    """
    conn.execute(sql("snapshot.prepare"))
    parameters = {"tenant_id": tenant_id, "namespace": namespace} | day_bounds(now.astimezone(UTC).date(), params)
    columns = _columns(conn, parameters)
    if params.sessions is not None:
        sessions = read_sessions(conn, parameters | session_parameters(namespace, params, now))
        columns = replace(columns, sessions=SessionColumns.of(reversed(list(sessions)), columns.items))
    snapshot = freeze(columns, params, tenant_id=tenant_id, namespace=namespace, now=now)
    return replace(snapshot, origin=origin_of(conn))


def _columns(conn: psycopg.Connection, parameters: dict[str, Any]) -> Columns:
    """Read and number all rows; what was read is let go before they are frozen."""
    for seed in count():
        rows = _Rows(conn, parameters | {"seed": seed})
        if not rows.ambiguous():
            break
    return rows.columns()


class _Rows:
    """What the database says of one namespace, as it was received: ids, their keys, and packed rows."""

    def __init__(self, conn: psycopg.Connection, parameters: dict[str, Any]) -> None:
        self._conn = conn
        self._parameters = parameters
        self._keys: dict[str, int] = {}
        self._gone: set[str] = set()
        self._words: dict[str, int] = {}
        self._tagged: list[_Tagged] = []
        self._unavailable: list[str] = []
        self._created: dict[str, int] = {}
        self._strangers: dict[str, int] = {}
        self._read_tags()
        self._popularity = list(self._packs("snapshot.popularity", POPULARITY))
        self._covisitation = list(self._packs("snapshot.covisitation", COVISITATION))
        self._name_neighbors()

    def ambiguous(self) -> bool:
        """Say whether two ids share a key, as happens once in some ten million catalogues of a million items."""
        return len(set(self._keys.values())) < len(self._keys)

    def columns(self) -> Columns:
        """Give everything its number. Pairs with deleted items fall out, because those have none."""
        items = Vocabulary(self._keys.keys() - self._gone)
        tags = Vocabulary(self._words)
        numbers = _Numbers(items, self._keys)
        return Columns(
            items=items,
            tags=tags,
            popularity=popularity_columns(self._popularity, numbers.of_ids),
            covisitation=covisitation_columns(self._covisitation, numbers.of_ids, numbers.of_keys),
            tagged=_tag_columns(self._tagged, numbers, tags.known(self._words)),
            unavailable=items.known(self._unavailable),
            created=CreatedColumns(
                items.known(self._created), np.fromiter(self._created.values(), np.int32, len(self._created))
            ),
            strangers=items.known(self._strangers),
            gone=Vocabulary(self._gone),
        )

    def _read_tags(self) -> None:
        for rows in self._fetch("snapshot.tags"):
            for item_id, key, _, available, gone, created in rows:
                self._keys[item_id] = key
                if gone:
                    self._gone.add(item_id)
                    continue
                if not available:
                    self._unavailable.append(item_id)
                if created:
                    self._created[item_id] = created
            self._tagged.append(_Tagged.of([(row[0], row[2]) for row in rows if not row[4]], self._words))

    def _packs(self, query: str, layout: np.dtype[np.void]) -> Iterator[Pack]:
        for fetched in self._fetch(query):
            rows = [row for row in fetched if row[0] not in self._gone]
            if not rows:
                continue
            items, keys, payloads = zip(*rows, strict=True)
            self._keys.update(zip(items, keys, strict=True))
            yield Pack.of(items, payloads, layout)

    def _name_neighbors(self) -> None:
        """Look up the ids of neighbours that are items nowhere."""
        known = np.sort(np.fromiter(self._keys.values(), np.int64, len(self._keys)))
        strangers = {key for pack in self._covisitation for key in _missing(pack.rows["neighbor"], known).tolist()}
        if strangers:
            parameters = self._parameters | {"keys": list(strangers)}
            self._strangers = dict(self._conn.execute(sql("snapshot.ids_of_neighbors"), parameters).fetchall())
            self._keys.update(self._strangers)

    def _fetch(self, query: str) -> Iterator[list[tuple[Any, ...]]]:
        with self._conn.cursor(name="snapshot", binary=True) as cursor:
            cursor.execute(sql(query), self._parameters)
            while rows := cursor.fetchmany(_FETCH):
                yield rows


class _Numbers:
    """Finds the number of an item by its id or by its key; -1 for one that the catalogue does not hold."""

    def __init__(self, items: Vocabulary, keys: dict[str, int]) -> None:
        self._items = items
        by_number = np.fromiter((keys[item_id] for item_id in items.ids), np.int64, len(items))
        order = np.argsort(by_number).astype(np.int32)
        self._keys = np.append(by_number[order], np.iinfo(np.int64).max)
        self._places = np.append(order, np.int32(-1))

    def of_ids(self, ids: Sequence[str]) -> Numbers:
        """Return the number of each id, shape (len(ids),)."""
        find = self._items.number
        return np.fromiter((-1 if (number := find(item_id)) is None else number for item_id in ids), np.int32, len(ids))

    def of_keys(self, keys: Keys) -> Numbers:
        """Return the number of each key, shape of *keys*."""
        found = np.searchsorted(self._keys[:-1], keys)
        return np.where(self._keys[found] == keys, self._places[found], np.int32(-1))


def _missing(keys: Keys, known: Keys) -> Keys:
    """Return those of *keys* that *known*, ascending, does not hold."""
    found = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.asarray(keys[known[found] != keys])


class _Tagged(NamedTuple):
    """Some items and their tags, those as places in a dictionary that grows; entry e has the next ``counts[e]``."""

    items: list[str]
    counts: npt.NDArray[np.int64]
    words: Numbers

    @classmethod
    def of(cls, rows: list[tuple[str, list[str]]], words: dict[str, int]) -> _Tagged:
        counts = np.fromiter((len(tags) for _, tags in rows), np.int64, len(rows))
        places = (words.setdefault(tag, len(words)) for _, tags in rows for tag in tags)
        return cls([item_id for item_id, _ in rows], counts, np.fromiter(places, np.int32, int(counts.sum())))


def _tag_columns(tagged: list[_Tagged], numbers: _Numbers, tags: Numbers) -> TagColumns:
    """Join what was read; *tags* gives the number of each word."""
    items = [np.repeat(numbers.of_ids(piece.items), piece.counts) for piece in tagged]
    words = [tags[piece.words] for piece in tagged]
    return TagColumns(*(np.concatenate([np.empty(0, np.int32), *pieces]) for pieces in (items, words)))
