"""The empty-recs runbook: every check in its order, and the first that fails is the answer (pure)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from recsys.diagnosis import catalogue, evidence, foundations, request, steering, surroundings
from recsys.diagnosis.check import Diagnosis, Finding, Verdict, command, fail, first_failing, ok, skipped
from recsys.diagnosis.facts import Facts


def whole_list(facts: Facts) -> Verdict:
    """Look at the list itself, whatever the other checks found."""
    if facts.replay is None:
        return skipped("Nothing was ranked.")
    made = facts.replay
    counts, codes = made.slate.counts, [warning.code for warning in made.slate.warnings]
    summary = f"The list has {len(made.slate)} of the {made.k} items asked for."
    if not made.short:
        return ok(summary, counts=counts, warnings=codes)
    remedy = command("recsys", "inspect")
    return fail(f"{summary} It says {', '.join(codes)}.", remedy, counts=counts, warnings=codes)


CHECKS: Final[dict[str, Callable[[Facts], Verdict]]] = {
    "database": foundations.database,
    "database_in_use": foundations.database_in_use,
    "schema": foundations.schema,
    "tenant": foundations.tenant,
    "config": foundations.config,
    "rules": foundations.rules,
    "snapshot": catalogue.snapshot,
    "surface": catalogue.surface,
    "catalogue": catalogue.catalogue,
    "availability": catalogue.availability,
    "exclusions": request.exclusions,
    "allow_list": request.allow_list,
    "history": request.history,
    "constraints": request.constraints,
    "blocks": steering.blocks,
    "caps": steering.caps,
    "pins": steering.pins,
    "popularity": evidence.popularity,
    "covisitation": evidence.covisitation,
    "tags": evidence.tags,
    "weights": evidence.weights,
    "personalisation": evidence.personalisation,
    "exposures": surroundings.exposures,
    "partitions": surroundings.partitions,
    "spool": surroundings.spool,
    "list": whole_list,
}
"""From what everything stands on to what one request asks; a cause stands before what it causes."""


def diagnose(facts: Facts, *, milliseconds: float = 0.0) -> Diagnosis:
    """Run every check; *milliseconds* is what gathering took."""
    checks = tuple(Finding(name, *look(facts)) for name, look in CHECKS.items())
    failing = first_failing(checks)
    made, case = facts.replay, facts.case
    return Diagnosis(
        healthy=failing is None,
        because=failing.summary if failing else _all_well(facts),
        tenant=facts.tenant,
        surface=facts.asked.surface,
        segment=facts.asked.segment,
        k=case.query.k if case else 0,
        returned=None if made is None else len(made.slate),
        warnings=() if made is None else tuple(warning.code for warning in made.slate.warnings),
        checks=checks,
        milliseconds=milliseconds,
    )


def _all_well(facts: Facts) -> str:
    if facts.replay is None:
        return "No check fails, and nothing was ranked."
    return f"The list is full: {len(facts.replay.slate)} items."
