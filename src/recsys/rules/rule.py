"""What one rule says, and the set of rules that a tenant published (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

Action = Literal["pin", "boost", "bury", "block"]
TargetType = Literal["item", "tag", "brand", "category"]


class Rule(NamedTuple):
    """One rule, checked. None means anywhere, anybody, any time."""

    id: str
    """The document's, else ``#3`` for its third rule; unique."""
    action: Action
    target_type: Literal["item", "tag"] = "item"
    """A brand or a category is the tag that begins with its name and a colon."""
    item_ids: tuple[str, ...] = ()
    tag: str | None = None
    name: str | None = None
    surface: str | None = None
    segment: str | None = None
    namespace: str | None = None
    priority: int = 0
    enabled: bool = True
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    """The first moment at which the rule is over."""
    amount: float = 0.0
    """What a boost or a bury adds to a score: a bury of 0.5 is -0.5."""
    position: int | None = None
    max_pins: int | None = None

    def within(self, now: datetime) -> bool:
        """Tell whether the rule's window, half-open, holds *now*."""
        return (self.valid_from is None or self.valid_from <= now) and (
            self.valid_until is None or now < self.valid_until
        )

    def meant_for(self, surface: str, segment: str, namespace: str) -> bool:
        """Tell whether the rule concerns this place and audience."""
        return (
            self.surface in {None, surface} and self.segment in {None, segment} and self.namespace in {None, namespace}
        )


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """A tenant's rules in order of precedence: larger priority first, document order among equals."""

    rules: tuple[Rule, ...] = ()

    def active(self, surface: str, segment: str, namespace: str, now: datetime) -> tuple[Rule, ...]:
        """Return the rules that steer a request at *now* (aware), in order of precedence."""
        return tuple(
            rule
            for rule in self.rules
            if rule.enabled and rule.meant_for(surface, segment, namespace) and rule.within(now)
        )
