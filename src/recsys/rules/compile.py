"""Rules resolved against one snapshot, once, so that a request only looks its own up (pure)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from weakref import WeakKeyDictionary, ref

import numpy as np

from recsys.rules.live import Adjustment, Live, Pin, live
from recsys.rules.rule import Rule, Rules
from recsys.snapshot.snapshot import Snapshot
from recsys.snapshot.vocabulary import Numbers

PROMOTED_PER_RULE = 50
PROMOTED = 300
"""Most items that boosts bring into every pool: beyond some hundreds they cost more than they add."""

PINS = 200
"""Most pins that are live for one request, those of the first rules: as many as the longest list has places."""

PINS_TOLD_OF = 20
"""Most pins of unknown or unavailable items that ranking hears of, to warn."""

_PLACES_KEPT = 1024
_LIVES_KEPT = 16
"""A live set holds a byte or two per item of the snapshot, and surfaces mostly share theirs."""

_BEGINNING = datetime.min.replace(tzinfo=UTC)


class CompiledRules:
    """A tenant's rules with their targets as item numbers of one snapshot, which it does not keep alive."""

    def __init__(self, rules: Rules, snapshot: Snapshot) -> None:
        self._of = ref(snapshot)
        self._rules = tuple(
            rule for rule in rules.rules if rule.enabled and rule.namespace in {None, snapshot.namespace}
        )
        self._targets = [_target(rule, snapshot) for rule in self._rules]
        self._surfaces = {rule.surface for rule in self._rules}
        self._segments = {rule.segment for rule in self._rules}
        ends = {end for rule in self._rules for end in (rule.valid_from, rule.valid_until) if end is not None}
        self._boundaries = sorted(ends)
        self._active = lru_cache(_PLACES_KEPT)(self._find_active)
        self._compiled = lru_cache(_LIVES_KEPT)(self._compile)

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot, which whoever asks for a list holds."""
        snapshot = self._of()
        assert snapshot is not None  # noqa: S101  rules are only asked for with their snapshot in hand
        return snapshot

    def live(self, surface: str, segment: str, now: datetime) -> Live:
        """Return what steers a request at *now* (aware); the same object for all requests that the same rules steer."""
        place = surface if surface in self._surfaces else ""
        audience = segment if segment in self._segments else ""
        return self._compiled(self._active(place, audience, bisect_right(self._boundaries, now)))

    def _find_active(self, surface: str, segment: str, interval: int) -> tuple[int, ...]:
        """Return which rules are active in an interval between two ends of windows: the same ones all through it."""
        now = self._boundaries[interval - 1] if interval else _BEGINNING
        return tuple(
            place
            for place, rule in enumerate(self._rules)
            if rule.meant_for(surface, segment, self.snapshot.namespace) and rule.within(now)
        )

    def _compile(self, active: tuple[int, ...]) -> Live:
        rules = [(self._rules[place], self._targets[place]) for place in active]
        blocked = _union(numbers for rule, numbers in rules if rule.action == "block")
        return live(
            len(self.snapshot.items),
            pins=_foremost(
                [pin for rule, _ in rules if rule.action == "pin" for pin in self._pins(rule)], self.snapshot
            ),
            adjustments=[
                Adjustment(np.sort(numbers), rule.amount, rule.id, rule.action)
                for rule, numbers in rules
                if rule.action in {"boost", "bury"}
            ],
            blocked=blocked,
            promoted=_promoted(rules, self.snapshot, blocked),
        )

    def _pins(self, rule: Rule) -> Iterator[Pin]:
        for item_id in dict.fromkeys(rule.item_ids):
            yield Pin(self.snapshot.items.number(item_id), item_id, rule.position, rule.id, rule.max_pins)


class Compiler:
    """Compiles one version of the rules, once against each snapshot that is current; any thread may call it."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._compiled: WeakKeyDictionary[Snapshot, CompiledRules] = WeakKeyDictionary()

    def against(self, snapshot: Snapshot) -> CompiledRules:
        """Return the rules compiled against *snapshot*; they go when it goes, and keep it no longer than others do."""
        compiled = self._compiled.get(snapshot)
        if compiled is None:
            compiled = self._compiled[snapshot] = compile_rules(self._rules, snapshot)
        return compiled


def compile_rules(rules: Rules, snapshot: Snapshot) -> CompiledRules:
    """Resolve every target against the whole catalogue; unknown items and tags resolve to nothing."""
    return CompiledRules(rules, snapshot)


def _target(rule: Rule, snapshot: Snapshot) -> Numbers:
    """Find the items of a rule, most popular first, ties by number."""
    if rule.tag is not None:
        tag = snapshot.tags.number(rule.tag)
        return np.empty(0, dtype=np.int32) if tag is None else snapshot.tag_items.row(tag)
    numbers = np.unique(snapshot.items.known(rule.item_ids))
    return numbers[np.argsort(-snapshot.popularity[numbers], kind="stable")]


def _union(targets: Iterable[Numbers]) -> Numbers:
    found = list(targets)
    return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.int32)


def _foremost(pins: list[Pin], snapshot: Snapshot) -> list[Pin]:
    """Keep those pins that the longest list can hold, and some that no list can, which are told of in its warnings."""
    left = {True: PINS, False: PINS_TOLD_OF}
    kept = []
    for pin in pins:
        placeable = pin.number is not None and bool(snapshot.available[pin.number])
        if left[placeable]:
            left[placeable] -= 1
            kept.append(pin)
    return kept


def _promoted(rules: list[tuple[Rule, Numbers]], snapshot: Snapshot, blocked: Numbers) -> Numbers:
    """Choose the most popular items of boosted targets that a list may show, those of the largest boosts first."""
    boosts = sorted((pair for pair in rules if pair[0].amount > 0), key=lambda pair: -pair[0].amount)
    shows = snapshot.available.copy()
    shows[blocked] = False
    chosen: dict[int, None] = {}
    for _, numbers in boosts:
        best = numbers[shows[numbers]][:PROMOTED_PER_RULE]
        chosen.update(dict.fromkeys(best.tolist()))
        if len(chosen) >= PROMOTED:
            break
    return np.array(list(chosen)[:PROMOTED], dtype=np.int32)
