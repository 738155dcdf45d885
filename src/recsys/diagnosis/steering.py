"""Checks of what rules and caps do to the list (pure)."""

from __future__ import annotations

from recsys.diagnosis.check import Verdict, changed_request, fail, note, ok, skipped, warn
from recsys.diagnosis.documents import without_caps, without_rules
from recsys.diagnosis.facts import Facts
from recsys.diagnosis.replay import Effect

_NOT_LOOKED = "Nothing was ranked."
_UNREACHABLE = "RULE_PIN_UNREACHABLE"


def blocks(facts: Facts) -> Verdict:
    """Look what rules block, and which of them most."""
    if facts.replay is None or facts.documents is None:
        return skipped(_NOT_LOOKED)
    made = facts.replay
    gone = made.tolls.get("RULES_BLOCKED", 0)
    evidence = {
        "blocked": gone,
        "rules": {effect.rule.id: {"action": effect.rule.action, "items": effect.items} for effect in made.effects},
    }
    summary = f"{len(made.effects)} rules are live here; they block {gone} of {made.catalogue} items."
    if not made.to_blame("RULES_BLOCKED"):
        return ok(summary, **evidence)
    blocking = sorted(_blocking(made.effects), key=lambda effect: -effect.items)
    worst = blocking[0]
    return fail(
        f"Rules block {gone} of {made.catalogue} items; rule {worst.rule.id!r} alone blocks {worst.items}.",
        without_rules(facts.tenant, facts.documents.rules, _enough(blocking, made.k - len(made.slate))),
        **evidence,
    )


def _blocking(effects: tuple[Effect, ...]) -> list[Effect]:
    return [effect for effect in effects if effect.rule.action == "block" and effect.items]


def _enough(blocking: list[Effect], missing: int) -> list[str]:
    """Name the rules that block most, until they give back what is missing."""
    chosen, back = [], 0
    for effect in blocking:
        chosen.append(effect.rule.id)
        back += effect.items
        if back >= missing:
            break
    return chosen


def pins(facts: Facts) -> Verdict:
    """Look whether pinned items can be shown, and which rules wait for their time."""
    if facts.replay is None or facts.case is None:
        return skipped(_NOT_LOOKED)
    made = facts.replay
    unreachable = [warning.detail for warning in made.slate.warnings if warning.code == _UNREACHABLE]
    idle = {rule.id: f"{rule.valid_from or ''}..{rule.valid_until or ''}" for rule in made.idle}
    if unreachable:
        remedy = note("Make the item available, correct its id in the rule, or ask for a longer list.")
        return warn(f"{len(unreachable)} pins can not be shown: {unreachable[0]}", remedy, pins=unreachable, idle=idle)
    if idle:
        first = next(iter(idle))
        remedy = note("Change valid_from and valid_until with `recsys rules put`; times without a zone are UTC.")
        return warn(f"{len(idle)} rules are outside their window, {first!r} ({idle[first]}) first.", remedy, idle=idle)
    return ok("Every live pin can be shown, and no rule waits for its time.")


def caps(facts: Facts) -> Verdict:
    """Look what caps on tags leave out."""
    if facts.replay is None or facts.case is None:
        return skipped(_NOT_LOOKED)
    made, mine, theirs = facts.replay, facts.case.query.max_per_tag, facts.case.params.caps
    evidence = {"request": mine, "config": theirs, "eligible": made.eligible, "returned": len(made.slate)}
    closed = made.tolls.get("CAPS_FILTERED", 0)
    filtered = any(warning.code == "CAPS_FILTERED" for warning in made.slate.warnings)
    if not made.short or not (made.to_blame("CAPS_FILTERED") or filtered):
        return ok(f"Caps on tags shorten nothing ({len(mine) + len(theirs)} are set).", **evidence)
    remedies = []
    if theirs:
        document = facts.documents.config if facts.documents else None
        remedies.append(without_caps(facts.tenant, document, facts.asked.surface, theirs))
    if mine:
        remedies.append(changed_request(constraints={"max_per_tag": None}))
    kept = closed or made.eligible - len(made.slate)
    tightest = min((theirs | mine).items(), key=lambda cap: cap[1], default=("", 0))
    return fail(
        f"Caps keep out {kept} items that could be shown; {tightest[0]!r} allows {tightest[1]} a list.",
        *remedies,
        **evidence,
    )
