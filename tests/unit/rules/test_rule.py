"""When a rule counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from recsys.rules.rule import Rule, Rules

START, END = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def block(**said: object) -> Rule:
    """Make a rule that blocks something."""
    return Rule("r", "block", item_ids=("a",))._replace(**said)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "counts"),
    [(START - TICK, False), (START, True), (END - TICK, True), (END, False), (END + TICK, False)],
)
def test_a_window_is_half_open(now: datetime, counts: bool) -> None:
    """Its first moment belongs to it, its last one does not, in whatever zone they are asked for."""
    rules = Rules((block(valid_from=START, valid_until=END),))
    assert bool(rules.active("home", "default", "n", now)) == counts
    assert bool(rules.active("home", "default", "n", now.astimezone(timezone(timedelta(hours=9))))) == counts


@pytest.mark.parametrize(
    ("rule", "counts"),
    [
        (block(), True),
        (block(enabled=False), False),
        (block(surface="home"), True),
        (block(surface="cart"), False),
        (block(segment="default"), True),
        (block(segment="vip"), False),
        (block(namespace="n"), True),
        (block(namespace="m"), False),
        (block(surface="home", segment="vip"), False),
        (block(valid_from=END), False),
        (block(valid_until=START), False),
    ],
)
def test_a_rule_counts_where_all_it_names_is_as_asked(rule: Rule, counts: bool) -> None:
    """Surface, segment and namespace must each be the request's or left out."""
    assert Rules((rule,)).active("home", "default", "n", START) == ((rule,) if counts else ())


def test_active_rules_keep_their_order() -> None:
    """Precedence is that of the document as it was read."""
    rules = tuple(block(id=name) for name in "cab")
    assert Rules(rules).active("home", "default", "n", START) == rules
