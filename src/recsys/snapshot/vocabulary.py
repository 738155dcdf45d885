"""External ids and the dense numbers that stand for them inside a snapshot."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.snapshot.words import Finder, Ids, Spelling, Words

Numbers = npt.NDArray[np.int32]

NOTHING: Final = np.empty(0, dtype=np.intp)
"""The numbers of no ids."""

_INT_BYTES = 28


class Vocabulary:
    """The ids of a catalogue in code point order; an id's number is its place, so ties by number are ties by id."""

    __slots__ = ("_nbytes", "_numbers", "_words", "ids")

    def __init__(self, ids: Iterable[str] | Words) -> None:
        """Take *ids* in any order; those of `Words` stay in its arrays, which may be those of a file."""
        self.ids: Sequence[str]
        self._numbers: dict[str, int] | Finder
        self._nbytes: int | None
        """Of the strings and what finds them, where there are any; None: not counted yet."""
        self._words: Words | None
        if isinstance(ids, Words):
            self.ids, self._numbers, self._nbytes, self._words = Ids(ids), Finder(ids), 0, ids
        else:
            self.ids = tuple(sorted(dict.fromkeys(ids)))  # a set would lose an order that is there
            self._numbers = {item_id: number for number, item_id in enumerate(self.ids)}
            self._nbytes = self._words = None

    def words(self) -> Words:
        """Return the ids as arrays, for a file and for loops; they are made once (0.3 s for a million) and kept."""
        if self._words is None:
            self._words = Words.of(self.ids)
        return self._words

    @property
    def spelling(self) -> Spelling:
        """The arrays of `words` as loops take them."""
        blob, ends, buckets, order = self.words()
        return blob, ends, buckets, order

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        """Memory that the ids and the ways to find them take, those that were made so far."""
        if self._nbytes is None:  # counting takes 0.1 s for a million
            strings = sys.getsizeof(self.ids) + sum(map(sys.getsizeof, self.ids))
            self._nbytes = strings + sys.getsizeof(self._numbers) + _INT_BYTES * len(self.ids)
        return self._nbytes + (0 if self._words is None else self._words.nbytes)

    def number(self, item_id: str) -> int | None:
        """Return the number of an id, None if the catalogue does not hold it."""
        return self._numbers.get(item_id)

    def numbers(self, ids: Iterable[str]) -> list[int | None]:
        """Return the number of each id, None for one that the catalogue does not hold."""
        return list(map(self._numbers.get, ids))

    def known(self, ids: Iterable[str]) -> Numbers:
        """Return the numbers of those ids that the catalogue holds, in the order given, shape (m,), m <= len(ids)."""
        find = self._numbers.get
        return np.array([number for item_id in ids if (number := find(item_id)) is not None], dtype=np.int32)

    def ascending(self, ids: Collection[str]) -> npt.NDArray[np.intp]:
        """Return the numbers of those ids that the catalogue holds, sorted, shape (m,), m <= len(ids)."""
        if not ids:
            return NOTHING
        return np.array(sorted([number for number in self.numbers(ids) if number is not None]), dtype=np.intp)
