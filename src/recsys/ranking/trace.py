"""What stages report while they work: a sink that the caller gives, and that costs nothing when it is silent."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

_SHOWN = 100


class Trace(Protocol):
    """Stages ask `listening` before they make what they would tell."""

    @property
    def listening(self) -> bool:
        """Whether anybody wants to know."""

    def removed(self, stage: str, why: str, item_ids: list[str]) -> None:
        """Say that *stage* took these items out."""


class Silence:
    """Nobody listens."""

    listening = False

    def removed(self, stage: str, why: str, item_ids: list[str]) -> None:
        """Forget it."""


SILENT = Silence()


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

    def removed(self, stage: str, why: str, item_ids: list[str]) -> None:
        """Remember it."""
        self.removals.append(Removal(stage, why, len(item_ids), tuple(item_ids[:_SHOWN])))
