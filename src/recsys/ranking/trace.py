"""What stages report while they work: a sink that the caller gives, and that costs nothing when it is silent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from msgspec import Struct

from recsys.ranking.itemlist import Index
from recsys.snapshot.vocabulary import Vocabulary

_NAMED: Final = 100
_WORDS: Final = {
    "ITEMS_UNAVAILABLE": "unavailable",
    "EXCLUDED_BY_REQUEST": "excluded",
    "HISTORY_FILTERED": "known",
    "CONSTRAINTS_FILTERED": "constrained",
    "RULES_BLOCKED": "blocked",
}
"""What a count of removed items is called."""


class Trace(Protocol):
    """Stages ask `listening` before they name items."""

    @property
    def listening(self) -> bool:
        """Whether anybody wants to know which items."""

    def counted(self, lost: Mapping[str, int]) -> None:
        """Say how many items of a pool each filter took out."""

    def removed(self, stage: str, why: str, items: Vocabulary, numbers: Index) -> None:
        """Say that *stage* took these items out."""


class Silence:
    """Nobody listens."""

    listening = False

    def counted(self, lost: Mapping[str, int]) -> None:
        """Forget it."""

    def removed(self, stage: str, why: str, items: Vocabulary, numbers: Index) -> None:
        """Forget it."""


SILENT: Final = Silence()


class Removal(Struct, frozen=True):
    """What one stage took out of one pool for one reason; of many items the first 100 are named."""

    stage: str
    why: str
    count: int
    item_ids: tuple[str, ...]


class Recording:
    """Keeps everything, for one request."""

    listening = True

    def __init__(self) -> None:
        self.removals: list[Removal] = []

    def counted(self, lost: Mapping[str, int]) -> None:
        """Leave it: what is named is counted too."""

    def removed(self, stage: str, why: str, items: Vocabulary, numbers: Index) -> None:
        """Remember it, if it is anything."""
        if len(numbers):
            named = tuple(items.ids[number] for number in numbers[:_NAMED].tolist())
            self.removals.append(Removal(stage, why, len(numbers), named))


class Tally:
    """Counts what the last pool of a list lost, by reason, for every request: it looks at no item."""

    listening = False

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def counted(self, lost: Mapping[str, int]) -> None:
        """Remember it in the place of what the pool before lost, which this one holds."""
        self.counts = {_WORDS[why]: count for why, count in lost.items()}

    def removed(self, stage: str, why: str, items: Vocabulary, numbers: Index) -> None:
        """Leave it: nobody wants names."""
