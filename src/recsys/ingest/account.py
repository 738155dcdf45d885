"""What became of a file's rows: how many were taken, and for each that was not, where and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from recsys.ingest.fields import in_words

SHOWN_MAX = 20
REASONS_MAX = 1000
"""How many different reasons are counted apart; a reason may quote a value, and memory is bounded."""

OTHER = "other reasons"


class Refusal(NamedTuple):
    """One row that was not taken."""

    row: int
    """The line of a CSV or JSONL file, as an editor counts; the row of a Parquet file, counted from 1."""
    path: str
    """Where in the row: a JSON path; ``$`` is the row itself."""
    reason: str


class Account:
    """Counts refusals, keeps the first few, and hands each to *sink*, so that memory stays bounded."""

    def __init__(self, sink: Callable[[Refusal], object] | None = None) -> None:
        self.refused = 0
        self.first: list[Refusal] = []
        self.reasons: Counter[tuple[str, str]] = Counter()
        self._sink = sink

    def refuse(self, refusal: Refusal) -> None:
        """Take note of one row that is not taken."""
        self.refused += 1
        if len(self.first) < SHOWN_MAX:
            self.first.append(refusal)
        reason = (refusal.path, refusal.reason)
        known = reason in self.reasons or len(self.reasons) < REASONS_MAX
        self.reasons[reason if known else ("$", OTHER)] += 1
        if self._sink is not None:
            self._sink(refusal)


def refusal(row: int, error: Exception) -> Refusal:
    """Read where and why from what msgspec raised about one row."""
    if isinstance(error, RecursionError):
        return Refusal(row, "$", "is nested too deeply")
    if isinstance(error, UnicodeError):
        return Refusal(row, "$", "is not valid UTF-8")
    reason, _, path = str(error).partition(" - at ")
    return Refusal(row, path.strip("`") or "$", in_words(reason))


UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What reading one row can raise; `refusal` explains each."""
