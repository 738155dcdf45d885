"""What ranking reads of every candidate, side by side: one line of the processor's cache an item (pure).

A pool of a thousand items lies scattered over the catalogue. With an array for each property every item costs four or
five reads from memory; with its card, one.

    word  0, 1  popularity in 0..1, a float64
          2, 3  length of its vector of tags, a float64; 1 without tags
             4  twice the number of its tags, plus 1 if it is available
         5..15  its first tags, ascending; the others are read from the rows of tags
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.snapshot.rows import Rows, Scores
from recsys.snapshot.vocabulary import Numbers

WORDS: Final = 16
"""Of 4 bytes: 64 bytes, which is a line of the cache."""
FACTS: Final = 4
"""The word of what is counted and flagged."""
FIRST_TAG: Final = 5
HELD: Final = WORDS - FIRST_TAG
"""Tags that a card holds."""

_LINE: Final = 4 * WORDS


def written(score: Scores, available: npt.NDArray[np.bool_], item_tags: Rows, norms: Scores) -> Numbers:
    """Write the cards of n items, shape (16 n,); *norms* are the lengths of their vectors of tags, shape (n,)."""
    n = len(score)
    flat = _aligned(n)
    words = flat.reshape(n, WORDS)
    figures = words.view(np.float64)
    figures[:, 0], figures[:, 1] = score, np.where(norms > 0, norms, 1.0)
    lengths = np.diff(item_tags.indptr)
    words[:, FACTS] = 2 * lengths + available
    held = np.minimum(lengths, HELD)
    owner = np.repeat(np.arange(n), held)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(held) - held, held)
    words[owner, FIRST_TAG + place] = item_tags.indices[item_tags.indptr[owner] + place]
    return flat


def rewritten(cards: Numbers, score: Scores, available: npt.NDArray[np.bool_]) -> Numbers:
    """Write the cards of the same n items with the same tags, and another popularity or availability, shape (16 n,)."""
    flat = _aligned(len(score))
    flat[:] = cards
    words = flat.reshape(-1, WORDS)
    words.view(np.float64)[:, 0] = score
    words[:, FACTS] = words[:, FACTS] & ~1 | available
    return flat


def _aligned(n: int) -> Numbers:
    """Return room for n cards of zeros, the first of which begins where a line of the cache begins."""
    room = np.zeros(n * WORDS + WORDS, dtype=np.int32)
    skipped = -room.ctypes.data % _LINE // room.itemsize
    return room[skipped : skipped + n * WORDS]
