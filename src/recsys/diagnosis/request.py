"""Checks of what the request itself keeps out of its list, and the visitor's history with it (pure)."""

from __future__ import annotations

from recsys.diagnosis.alike import alike
from recsys.diagnosis.check import Remedy, Verdict, changed_request, fail, note, ok, skipped
from recsys.diagnosis.documents import with_history
from recsys.diagnosis.facts import Facts
from recsys.diagnosis.replay import Replay

_NOT_LOOKED = "Nothing was ranked."


def exclusions(facts: Facts) -> Verdict:
    """Look what `exclude_ids` and the anchors leave out."""
    if facts.replay is None or facts.case is None:
        return skipped(_NOT_LOOKED)
    made = facts.replay
    gone = made.tolls.get("EXCLUDED_BY_REQUEST", 0)
    evidence = {"excluded": made.excluded, "anchored": made.anchored, "removed": gone}
    summary = f"exclude_ids and anchors leave out {gone} of {made.catalogue} items."
    if not made.to_blame("EXCLUDED_BY_REQUEST"):
        return ok(summary, **evidence)
    remedies = []
    if made.excluded:
        remedies.append(changed_request(candidates={"exclude_ids": None}))
    if made.anchored:
        remedies.append(changed_request(anchors={"item_ids": None}))
    if made.excluded and made.anchored:
        remedies.insert(0, changed_request(candidates={"exclude_ids": None}, anchors={"item_ids": None}))
    parts = f"{made.excluded} by exclude_ids, {made.anchored} as anchors"
    return fail(f"The request leaves out {gone} of {made.catalogue} items ({parts}).", *remedies, **evidence)


def allow_list(facts: Facts) -> Verdict:
    """Look what `include_ids` leaves of the catalogue."""
    if facts.replay is None or facts.case is None:
        return skipped(_NOT_LOOKED)
    given, made = facts.case.query.include_ids, facts.replay
    if given is None:
        return ok("The request has no allow-list.")
    asked = len(set(given))
    evidence = {"include_ids": asked, "known": made.included, "unknown": max(0, asked - made.included)}
    summary = f"Of {asked} include_ids the catalogue holds {made.included}."
    if not made.to_blame("CANDIDATES_INCLUDE_FILTERED"):
        return ok(summary, **evidence)
    remedies = [changed_request(candidates={"include_ids": None})]
    if not made.included:
        remedies.append(note("Compare the ids with `select item_id from item_tags`: another case or prefix matters."))
    return fail(f"{summary} No other item may be shown.", *remedies, **evidence)


def history(facts: Facts) -> Verdict:
    """Look what the policies on seen and purchased items leave out."""
    if facts.replay is None or facts.case is None:
        return skipped(_NOT_LOOKED)
    made, policy = facts.replay, facts.case.params.exclusions
    gone = made.tolls.get("HISTORY_FILTERED", 0)
    days = {"seen_days": policy.seen_days, "purchased_days": policy.purchased_days}
    evidence = {"removed": gone, "events": len(facts.case.visitor.history), **days}
    summary = f"The visitor's history leaves out {gone} of {made.catalogue} items."
    if not made.to_blame("HISTORY_FILTERED"):
        return ok(summary, **evidence)
    document = facts.documents.config if facts.documents else None
    said = ", ".join(f"{key} {value}" for key, value in days.items() if value is not None)
    return fail(
        f"The visitor saw or bought {gone} of {made.catalogue} items lately, and the policy leaves them out ({said}).",
        with_history(facts.tenant, document, facts.asked.surface),
        **evidence,
    )


def constraints(facts: Facts) -> Verdict:
    """Look what required and forbidden tags leave out, each by itself."""
    if facts.replay is None or facts.case is None:
        return skipped(_NOT_LOOKED)
    made = facts.replay
    gone = made.tolls.get("CONSTRAINTS_FILTERED", 0)
    evidence = {"removed": gone, "required": made.per_required, "forbidden": made.per_forbidden}
    summary = f"Constraints on tags keep out {gone} of {made.catalogue} items."
    if not made.to_blame("CONSTRAINTS_FILTERED"):
        return ok(summary, **evidence)
    unknown = [tag for tag, carriers in made.per_required.items() if not carriers]
    corrected = _corrected(made, unknown)
    if corrected:
        said = ", ".join(f"{wrong!r}, but {right!r} is carried by {made.tags[right]}" for wrong, right in corrected)
        return fail(
            f"No item carries {said}.",
            changed_request(constraints={"required_tags": _spelt(made, dict(corrected))}),
            **evidence,
            alike=dict(corrected),
        )
    return fail(_blame(made, unknown, gone), *_relax(made), **evidence)


def _corrected(made: Replay, unknown: list[str]) -> list[tuple[str, str]]:
    return [(tag, near[0]) for tag in unknown if (near := alike(tag, made.tags))]


def _spelt(made: Replay, right: dict[str, str]) -> list[str]:
    return [right.get(tag, tag) for tag in made.per_required]


def _blame(made: Replay, unknown: list[str], gone: int) -> str:
    if made.per_required and len(unknown) == len(made.per_required):
        return f"No item carries any of the required tags ({', '.join(unknown)})."
    worst = max(made.per_forbidden, key=made.per_forbidden.__getitem__, default=None)
    if worst is not None and made.per_forbidden[worst]:
        return (
            f"Constraints keep out {gone} of {made.catalogue} items;"
            f" the forbidden tag {worst!r} alone is carried by {made.per_forbidden[worst]}."
        )
    carried = ", ".join(f"{tag} by {count}" for tag, count in made.per_required.items())
    return f"Constraints keep out {gone} of {made.catalogue} items; required tags are carried: {carried}."


def _relax(made: Replay) -> list[Remedy]:
    lifted = {
        name: None
        for name, tags in (("required_tags", made.per_required), ("forbidden_tags", made.per_forbidden))
        if tags
    }
    return [changed_request(constraints=lifted)]
