"""Checks of what the ranking knows: lists are not shorter without it, but they are worse (pure)."""

from __future__ import annotations

from datetime import UTC, date, timedelta
from typing import Any

import numpy as np

from recsys.diagnosis.check import Remedy, Verdict, command, note, ok, skipped, statement, warn
from recsys.diagnosis.facts import Facts, Link
from recsys.ranking.itemlist import Signal
from recsys.ranking.shares import chosen as weights_of

_NOT_LOOKED = "Nothing was ranked."
_FADED = 4
"""Half-lives after which a day counts a sixteenth."""
_OLD = timedelta(days=3)


def popularity(facts: Facts) -> Verdict:
    """Look whether popularity is there, fresh, and within its window."""
    link = _main(facts)
    if link is None or link.days is None:
        return skipped(_NOT_LOOKED)
    snapshot, days = link.snapshot, link.days
    today, newest = facts.now.astimezone(UTC).date(), days.popularity_last
    counted = int(np.count_nonzero(snapshot.popularity))
    evidence = {
        "items": counted,
        "first_day": days.popularity_first,
        "last_day": newest,
        "rows_ahead": days.popularity_ahead,
        "half_life_days": snapshot.params.popularity_half_life,
        "window_days": snapshot.params.popularity_window,
    }
    if newest is None:
        return warn("There is no popularity, so the order is that of the ids.", *_build(facts), **evidence)
    if days.popularity_ahead:
        return warn(
            f"{days.popularity_ahead} rows of popularity lie in the future (up to {newest}); they do not count yet.",
            statement(
                "select item_id, day, score from item_popularity_daily"
                " where tenant_id = {tenant} and namespace = {name} and day > current_date + 1 order by day desc;",
                tenant=str(snapshot.tenant_id),
                name=snapshot.namespace,
            ),
            **evidence,
        )
    return _aged(facts, today, newest, counted, evidence)


def _aged(facts: Facts, today: date, newest: date, counted: int, evidence: dict[str, Any]) -> Verdict:
    age = (today - newest).days
    window, half_life = evidence["window_days"], evidence["half_life_days"]
    if isinstance(window, int) and age >= window:
        return warn(
            f"The newest popularity is {age} days old, outside the window of {window}: none of it counts.",
            *_build(facts),
            note("Or widen popularity.window_days with `recsys config put`."),
            **evidence,
        )
    if isinstance(half_life, float) and age > _FADED * half_life:
        return warn(
            f"The newest popularity is {age} days old, {age / half_life:.0f} half-lives of {half_life:g} days.",
            *_build(facts),
            **evidence,
        )
    if today - newest > _OLD:
        return warn(f"The newest popularity is {age} days old.", *_build(facts), **evidence)
    return ok(f"{counted} items have popularity, the newest of {newest}.", **evidence)


def covisitation(facts: Facts) -> Verdict:
    """Look whether co-visitation is there, which anchors and histories need."""
    link = _main(facts)
    if link is None or link.days is None or facts.case is None:
        return skipped(_NOT_LOOKED)
    snapshot, days = link.snapshot, link.days
    paired = int(np.count_nonzero(np.diff(snapshot.neighbors.indptr)))
    evidence = {"items": paired, "first_day": days.covisitation_first, "last_day": days.covisitation_last}
    if paired:
        return ok(f"{paired} items have neighbours, the newest of {days.covisitation_last}.", **evidence)
    why = "There is no co-visitation" if days.covisitation_last is None else "All co-visitation is outside its window"
    return warn(f"{why}, so nothing is recommended for what was looked at.", *_build(facts), **evidence)


def tags(facts: Facts) -> Verdict:
    """Look how many items have tags, which similarity, personalisation, rules and caps read."""
    link = _main(facts)
    if link is None:
        return skipped(_NOT_LOOKED)
    snapshot = link.snapshot
    tagged = int(np.count_nonzero(np.diff(snapshot.item_tags.indptr)))
    evidence = {"tagged": tagged, "items": len(snapshot.items), "tags": len(snapshot.tags)}
    if tagged:
        return ok(f"{tagged} of {len(snapshot.items)} items have tags.", **evidence)
    remedy = command(
        "recsys", "items", "import", "items.csv", "--tenant", facts.tenant, "--namespace", snapshot.namespace
    )
    return warn("No item has tags: similarity, personalisation and rules on tags find nothing.", remedy, **evidence)


def weights(facts: Facts) -> Verdict:
    """Look whether the signals that are weighed have anything to say."""
    link = _main(facts)
    if link is None or facts.case is None:
        return skipped(_NOT_LOOKED)
    params, snapshot = facts.case.params, link.snapshot
    chosen = weights_of(params, facts.case.query.weights)
    there: dict[Signal, bool] = {
        "pop": bool(snapshot.popularity.any()),
        "cooc": bool(len(snapshot.neighbors.indices)),
        "emb": bool(len(snapshot.item_tags.indices)),
    }
    evidence = {"algo": params.algo, "weights": {name: getattr(chosen, name) for name in there}, "evidence": there}
    weighed = [name for name in there if getattr(chosen, name) > 0]
    if not any(there[name] for name in weighed):
        said = ", ".join(weighed) or "session"
        remedy = note("Give another signal a weight, or build the signals with `recsys signals build`.")
        return warn(
            f"Every signal with a weight ({said}) is empty, so the order is that of the ids.", remedy, **evidence
        )
    return ok(f"Weighed and there: {', '.join(name for name in weighed if there[name])}.", **evidence)


def personalisation(facts: Facts) -> Verdict:
    """Look whether the visitor's own history can reach the list."""
    if facts.case is None or facts.replay is None:
        return skipped(_NOT_LOOKED)
    case = facts.case
    evidence = {"events": len(case.visitor.history), "weight": case.params.personalization.weight}
    if not case.identified:
        return ok("The request names nobody, so nothing is personal.", **evidence)
    if not case.visitor.history:
        return warn(
            "No interaction of this visitor is in the database.",
            command("recsys", "spool", "drain"),
            note("Send POST /v1/interactions with the same user_id, anonymous_id or session_id as here."),
            **evidence,
        )
    if case.params.personalization.weight == 0:
        return ok(f"{len(case.visitor.history)} interactions are known; personalization.weight is 0.", **evidence)
    return ok(f"{len(case.visitor.history)} interactions of this visitor shape the list.", **evidence)


def _main(facts: Facts) -> Link | None:
    """Return the first namespace that has items."""
    return next((link for link in facts.links if len(link.snapshot.items)), None)


def _build(facts: Facts) -> tuple[Remedy, ...]:
    return (command("recsys", "signals", "build", "--tenant", facts.tenant),)
