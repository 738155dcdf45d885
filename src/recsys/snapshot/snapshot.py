"""A namespace's signals, frozen: struct of arrays over dense item numbers (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import numpy as np
import numpy.typing as npt

from recsys.snapshot.evidence import Raw
from recsys.snapshot.origin import Origin
from recsys.snapshot.rows import Rows, Scores
from recsys.snapshot.sessions import Sessions
from recsys.snapshot.version import Digests
from recsys.snapshot.vocabulary import Numbers, Vocabulary
from recsys.tenancy.config import SignalParams

__all__ = ["Key", "Rows", "Scores", "Snapshot"]

Key = tuple[UUID, str]
"""Tenant and namespace."""


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Snapshot:
    """Everything ranking reads about one namespace. n items, t tags. Two are equal only if they are one object."""

    tenant_id: UUID
    namespace: str
    version: str
    """Short hex; two snapshots with one version hold the same signals under the same parameters."""
    as_of: datetime
    params: SignalParams
    items: Vocabulary
    available: npt.NDArray[np.bool_]  # (n,)
    popularity: Scores  # (n,) decayed sums: sum over days of score * 2^(-age/half_life)
    popularity_score: Scores  # (n,) the same in 0..1
    by_popularity: Numbers  # (n,) every item, most popular first, ties by number
    neighbors: Rows  # n rows; values in 0..1, largest first, ties by number
    tags: Vocabulary
    item_tags: Rows  # n rows of tag numbers, ascending; values are the item's unit vector, weighed by tag_weight
    tag_items: Rows  # t rows of item numbers, most popular first, ties by number
    tag_weight: Scores  # (t,) inverse document frequency
    cards: Numbers  # (16 n,) what ranking reads of each candidate, as cards.py lays it out
    sessions: tuple[Sessions, ...] = ()
    """Where a config weighs them: those that were loaded, then those that have come since; newest last."""
    trending: Numbers = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    """Items wanted most of late, at most 200, best first; none where config asks for none."""
    newest: Numbers = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    """New items, at most 200, newest first; none where config asks for none."""
    raw: Raw | None = None
    """What amending it takes; None for one that can only be loaded anew."""
    origin: Origin | None = None
    """Which transactions it has seen; None for one that no database gave."""
    digests: Digests = field(default_factory=Digests)
    """What `version` was made of."""

    @property
    def catalogue(self) -> tuple[Numbers, npt.NDArray[np.int64], Numbers]:
        """The cards and the rows of tags: what is read of every candidate."""
        return self.cards, self.item_tags.indptr, self.item_tags.indices

    @property
    def key(self) -> Key:
        """Whose it is and of which namespace: what snapshots are kept by."""
        return self.tenant_id, self.namespace
