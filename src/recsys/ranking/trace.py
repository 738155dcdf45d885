"""What stages report while they work: a sink that the caller gives, and that costs nothing when it is silent."""

from __future__ import annotations

from typing import Final, Protocol

from msgspec import Struct

from recsys.ranking.itemlist import Index
from recsys.snapshot.vocabulary import Vocabulary

_NAMED: Final = 100


class Trace(Protocol):
    """Stages ask `listening` before they name items."""

    @property
    def listening(self) -> bool:
        """Whether anybody wants to know which items."""

    def removed(self, stage: str, why: str, items: Vocabulary, numbers: Index) -> None:
        """Say that *stage* took these items out."""


class Silence:
    """Nobody listens."""

    listening = False

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

    def removed(self, stage: str, why: str, items: Vocabulary, numbers: Index) -> None:
        """Remember it, if it is anything."""
        if len(numbers):
            named = tuple(items.ids[number] for number in numbers[:_NAMED].tolist())
            self.removals.append(Removal(stage, why, len(numbers), named))
