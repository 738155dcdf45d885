"""Checks of what serving stands on: exposures, partitions, spools (pure)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from recsys.diagnosis.check import Verdict, command, fail, note, ok, skipped, warn
from recsys.diagnosis.facts import Facts

_WAITING_MIB = 64
_WAITING = timedelta(minutes=5)
_MIB = 2**20


def exposures(facts: Facts) -> Verdict:
    """Look whether lists of this surface were recorded lately."""
    if facts.machinery is None:
        return skipped("The database could not be asked.")
    last = facts.machinery.last_exposure
    if last is not None:
        return ok(f"The last list of {facts.asked.surface!r} was recorded at {last:%Y-%m-%d %H:%M:%S%z}.", last=last)
    return warn(
        f"No list of {facts.asked.surface!r} was recorded in the last 7 days: nobody asks, or events do not land.",
        command("recsys", "spool", "status"),
        last=None,
    )


def partitions(facts: Facts) -> Verdict:
    """Look how long every event finds its partition."""
    if facts.machinery is None:
        return skipped("The database could not be asked.")
    runways = facts.machinery.runways
    if not runways:
        return warn("There is no partition policy, so nobody makes partitions.", command("recsys", "migrate", "up"))
    least = min(runways, key=lambda runway: runway.left)
    evidence = {runway.table: round(runway.left / timedelta(days=1), 1) for runway in runways}
    remedy = command("recsys", "partitions", "run")
    if least.left <= timedelta(0):
        return fail(f"{least.table} has no partition for now: events wait in the spool.", remedy, **evidence)
    summary = f"Every event of the next {least.left.days} days finds its partition ({least.table} ends first)."
    short = [runway for runway in runways if runway.missing]
    if short:
        wanting = ", ".join(f"{runway.table} lacks {runway.missing}" for runway in short)
        return warn(f"{summary} The policy wants more ahead: {wanting}.", remedy, **evidence)
    return ok(summary, **evidence)


def spool(facts: Facts) -> Verdict:
    """Look what waits in the spools of this host, and what the database refused."""
    backlog = facts.backlog
    if backlog is None:
        return ok("Nothing is spooled on this host.")
    letters = facts.machinery.dead_letters if facts.machinery else None
    evidence = {**backlog._asdict(), "dead_letters": letters}
    drain = command("recsys", "spool", "drain")
    if backlog.room_bytes <= 0:
        return fail(
            "The spool has no room: interactions are refused, and lists are not recorded.",
            drain,
            note("Free some disk, or raise RECSYS_SPOOL_MAX_MIB."),
            **evidence,
        )
    if backlog.waiting_bytes is None:
        return warn("The spool waits for the database; nothing of it is lost.", drain, **evidence)
    waited = timedelta(0) if backlog.oldest is None else facts.now - backlog.oldest
    if backlog.waiting_bytes > _WAITING_MIB * _MIB or waited > _WAITING:
        return warn(f"{backlog.waiting_bytes:,} bytes of events wait to be drained.", drain, **evidence)
    return _refused(evidence)


def _refused(evidence: dict[str, Any]) -> Verdict:
    if evidence["dead_letters"]:
        summary = f"The database refused {evidence['dead_letters']} events for what they hold."
        return warn(summary, command("recsys", "spool", "dead-letters"), **evidence)
    if evidence["damaged"]:
        return warn(f"{evidence['damaged']} damaged segments were set aside.", note("Keep them."), **evidence)
    return ok(f"{evidence['waiting_bytes']:,} bytes of events wait to be drained.", **evidence)
