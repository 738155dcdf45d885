"""What a snapshot holds, in a few letters: a digest of what ranking reads (pure)."""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.snapshot.rows import Rows
from recsys.snapshot.vocabulary import Vocabulary

_BYTES = 6


class Digests(NamedTuple):
    """Of the large parts of a snapshot, which most changes leave as they are: digesting them is half of amending."""

    items: str = ""
    tags: str = ""
    neighbors: str = ""
    item_tags: str = ""


def digest(*parts: bytes | npt.NDArray[np.generic]) -> str:
    """Digest some parts; the length of each keeps neighbours apart."""
    state = blake2b(digest_size=_BYTES)
    for part in parts:
        content = memoryview(part) if isinstance(part, bytes) else np.ascontiguousarray(part).data
        state.update(content.nbytes.to_bytes(8, "big"))
        state.update(content)
    return state.hexdigest()


def digest_of(part: Vocabulary | Rows) -> str:
    """Digest all ids, or all rows."""
    return digest("\0".join(part.ids).encode()) if isinstance(part, Vocabulary) else digest(*part.arrays)
