"""The rules document: what it may say, and every problem of one that says something else (pure)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from recsys.errors import InvalidRules, Problem
from recsys.rules.rule import Action, Rule, Rules, TargetType
from recsys.tenancy.conformity import normalized, problems
from recsys.tenancy.document import Reading, Unreadable, read_document, shown
from recsys.tenancy.schema import published
from recsys.tenancy.sections import Identifier, Name

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)?)?", re.ASCII)

MOST_PINS = 200
"""As many as the longest list has places."""

Moment = Annotated[
    str,
    Meta(max_length=64, extra={"say": "a date (2026-05-01) or an RFC 3339 time (2026-05-01T09:00:00Z)"}),
]


class RuleEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule as the document writes it."""

    id: Annotated[
        Identifier | None, Meta(description="Names the rule in reasons; unique. Default: its place, `#3`.")
    ] = None
    name: Annotated[Annotated[str, Meta(max_length=256)] | None, Meta(description="For people.")] = None
    action: Annotated[Action, Meta(description="What happens to the target.")]
    target_type: Annotated[TargetType, Meta(description="What `target_key` names; `item` takes `item_ids`.")] = "item"
    item_ids: Annotated[
        tuple[Identifier, ...], Meta(max_length=5000, description="The items, in the order in which pins are placed.")
    ] = ()
    target_key: Annotated[Identifier | None, Meta(description="The tag, brand or category, or one item.")] = None
    surface: Annotated[Name | None, Meta(description="Only on this surface.")] = None
    segment: Annotated[Name | None, Meta(description="Only for this segment.")] = None
    namespace: Annotated[Name | None, Meta(description="Only on items of this namespace.")] = None
    priority: Annotated[
        int, Meta(ge=-1_000_000, le=1_000_000, description="Larger goes first; equal ones keep document order.")
    ] = 0
    position: Annotated[
        Annotated[int, Meta(ge=1, le=MOST_PINS)] | None,
        Meta(description="Place of a pin, from 1; of two pins on one place the second takes the next free one."),
    ] = None
    enabled: Annotated[bool, Meta(description="Whether the rule counts.")] = True
    valid_from: Annotated[Moment | None, Meta(description="First moment of the rule; UTC if no zone is given.")] = None
    valid_until: Annotated[Moment | None, Meta(description="First moment after it.")] = None
    boost_value: Annotated[
        Annotated[float, Meta(ge=-1, le=1)] | None,
        Meta(description="Added to the score by a boost, subtracted by a bury, where the default is 1."),
    ] = None
    max_pins: Annotated[
        Annotated[int, Meta(ge=1, le=MOST_PINS)] | None, Meta(description="At most so many of the pins are placed.")
    ] = None


Entries = Annotated[tuple[RuleEntry, ...], Meta(max_length=10_000)]


class RulesDocument(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tenant's rules. The array alone is accepted too."""

    rules: Annotated[Entries, Meta(description="In document order.")]


def parse_rules(document: bytes) -> Rules:
    """Read a rules document; raise InvalidRules with every problem, each with its path, its value and the remedy."""
    try:
        reading = read_document(document)
    except Unreadable as error:
        raise InvalidRules([error.problem]) from None
    kind, path = (Entries, "$") if isinstance(reading.value, list) else (RulesDocument, "$.rules")
    found = problems(reading, kind)
    entries = _sound_entries(reading, path, found)
    found += [problem for place, entry in entries for problem in _objections(entry, f"{path}[{place}]")]
    found += _duplicates(entries, path)
    if found:
        raise InvalidRules(found)
    rules = [_rule(entry, place) for place, entry in entries]
    return Rules(tuple(sorted(rules, key=lambda rule: -rule.priority)))


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a rules document."""
    return published("A tenant's rules", RulesDocument | Entries)


def moment(text: str) -> datetime | None:
    """Read a date or an RFC 3339 time, in UTC where it names no zone; None if it is neither."""
    if not _MOMENT.fullmatch(text):
        return None
    try:
        value = datetime.fromisoformat(text.upper())
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _sound_entries(reading: Reading, path: str, found: list[Problem]) -> list[tuple[int, RuleEntry]]:
    """Return (place, entry) of those entries in which nothing is wrong so far."""
    entries = reading.value if path == "$" else _object(reading.value).get("rules")
    if not isinstance(entries, list):
        return []
    broken = {int(match[1]) for problem in found if (match := re.match(re.escape(path) + r"\[(\d+)\]", problem.path))}
    return [
        (place, msgspec.convert(normalized(entry, RuleEntry), RuleEntry))
        for place, entry in enumerate(entries)
        if place not in broken
    ]


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objections(entry: RuleEntry, path: str) -> Iterator[Problem]:
    yield from _target_objections(entry, path)
    yield from _effect_objections(entry, path)
    yield from _window_objections(entry, path)


def _target_objections(entry: RuleEntry, path: str) -> Iterator[Problem]:
    if entry.item_ids and entry.target_key is not None:
        yield Problem(f"{path}.target_key", "stands beside item_ids; a rule has one target, so leave one of them out")
    elif entry.action == "pin" and entry.target_type != "item":
        yield Problem(
            f"{path}.target_type", f'is {shown(entry.target_type)}; a pin names items: use "item" and item_ids'
        )
    elif entry.target_type == "item" and not entry.item_ids and entry.target_key is None:
        yield Problem(f"{path}.item_ids", f"is missing or empty; a {entry.action} of items names at least one")
    elif entry.action == "pin" and len(entry.item_ids) > MOST_PINS:
        yield Problem(f"{path}.item_ids", f"has {len(entry.item_ids)} items; a list shows at most {MOST_PINS} pins")
    elif entry.target_type != "item" and entry.target_key is None:
        yield Problem(f"{path}.target_key", f"is missing; name the {entry.target_type}")


def _effect_objections(entry: RuleEntry, path: str) -> Iterator[Problem]:
    if entry.action == "boost" and entry.boost_value is None:
        yield Problem(f"{path}.boost_value", "is missing; a boost needs a number from -1 to 1")
    if entry.action in {"pin", "block"} and entry.boost_value is not None:
        yield Problem(f"{path}.boost_value", f"has no meaning for a {entry.action}; leave it out")
    for key in ("position", "max_pins"):
        if entry.action != "pin" and getattr(entry, key) is not None:
            yield Problem(f"{path}.{key}", f"has no meaning for a {entry.action}; leave it out")


def _window_objections(entry: RuleEntry, path: str) -> Iterator[Problem]:
    ends = {key: getattr(entry, key) for key in ("valid_from", "valid_until") if getattr(entry, key) is not None}
    moments = {key: moment(text) for key, text in ends.items()}
    for key, text in ends.items():
        if moments[key] is None:
            remedy = "write a date (2026-05-01) or an RFC 3339 time (2026-05-01T09:00:00Z)"
            yield Problem(f"{path}.{key}", f"is {shown(text)}, which is no time; {remedy}")
    start, end = moments.get("valid_from"), moments.get("valid_until")
    if start is not None and end is not None and end <= start:
        yield Problem(f"{path}.valid_until", f"is {shown(entry.valid_until)}, not after valid_from; set it later")


def _duplicates(entries: list[tuple[int, RuleEntry]], path: str) -> Iterator[Problem]:
    uses = Counter(_id(entry, place) for place, entry in entries)
    seen: set[str] = set()
    for place, entry in entries:
        name = _id(entry, place)
        if uses[name] > 1 and name in seen:
            yield Problem(f"{path}[{place}].id", f"is {shown(name)}, which another rule has already; choose another")
        seen.add(name)


def _id(entry: RuleEntry, place: int) -> str:
    return entry.id if entry.id is not None else f"#{place + 1}"


def _rule(entry: RuleEntry, place: int) -> Rule:
    by_item = entry.target_type == "item"
    return Rule(
        id=_id(entry, place),
        action=entry.action,
        target_type="item" if by_item else "tag",
        item_ids=entry.item_ids or ((entry.target_key,) if by_item and entry.target_key is not None else ()),
        tag=None if by_item else _tag(entry),
        name=entry.name,
        surface=entry.surface,
        segment=entry.segment,
        namespace=entry.namespace,
        priority=entry.priority,
        enabled=entry.enabled,
        valid_from=None if entry.valid_from is None else moment(entry.valid_from),
        valid_until=None if entry.valid_until is None else moment(entry.valid_until),
        amount=_amount(entry),
        position=entry.position,
        max_pins=entry.max_pins,
    )


def _tag(entry: RuleEntry) -> str | None:
    """Spell a brand or category as its tag; ``brand:x`` may be written for the brand x, too."""
    prefix = "" if entry.target_type == "tag" else f"{entry.target_type}:"
    key = entry.target_key
    return key if key is None or key.startswith(prefix) else prefix + key


def _amount(entry: RuleEntry) -> float:
    if entry.action == "bury":
        return -(1.0 if entry.boost_value is None else entry.boost_value)
    return entry.boost_value or 0.0
