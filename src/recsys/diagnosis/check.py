"""What one check of the runbook says, and the answer that many of them make (pure)."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from msgspec import Struct
from psycopg import sql

Status = Literal["ok", "warn", "fail", "skipped"]
Kind = Literal["command", "sql", "request", "note"]


class Remedy(Struct, frozen=True):
    """Something to do about it, as it can be pasted.

    command: for a shell. sql: for psql. request: a JSON merge patch (RFC 7396) for the request. note: for a person.
    """

    kind: Kind
    text: str


class Finding(Struct, frozen=True):
    """One step of the runbook."""

    name: str
    status: Status
    summary: str
    """One sentence with the numbers that matter."""
    evidence: dict[str, Any]
    remedies: tuple[Remedy, ...] = ()
    """In the order in which to try them; empty where nothing is wrong."""


class Diagnosis(Struct, frozen=True, kw_only=True):
    """The whole runbook on one case."""

    healthy: bool
    """Whether no check fails."""
    because: str
    """One sentence: what the first failing check says."""
    tenant: str
    surface: str
    segment: str
    k: int
    returned: int | None
    """Length of the list; None where none could be made."""
    warnings: tuple[str, ...]
    """Codes that the list's answer carries."""
    checks: tuple[Finding, ...]
    milliseconds: float


class Verdict(NamedTuple):
    """What a check found, before it has its name."""

    status: Status
    summary: str
    evidence: dict[str, Any]
    remedies: tuple[Remedy, ...] = ()


def ok(summary: str, **evidence: Any) -> Verdict:
    """Say that nothing is wrong."""
    return Verdict("ok", summary, evidence)


def skipped(summary: str) -> Verdict:
    """Say why it could not be looked at."""
    return Verdict("skipped", summary, {})


def warn(summary: str, *remedies: Remedy, **evidence: Any) -> Verdict:
    """Say that lists are worse than they could be, or soon will be."""
    return Verdict("warn", summary, evidence, remedies)


def fail(summary: str, *remedies: Remedy, **evidence: Any) -> Verdict:
    """Say what is wrong."""
    return Verdict("fail", summary, evidence, remedies)


def command(*words: str) -> Remedy:
    """Make a remedy for the shell; every word is quoted as it needs."""
    return Remedy("command", shlex.join(words))


def statement(text: str, **values: Any) -> Remedy:
    """Make a remedy for psql: ``{name}`` in *text* becomes the literal of that value."""
    literals = {name: sql.Literal(value) for name, value in values.items()}
    return Remedy("sql", sql.SQL(text).format(**literals).as_string())


def publication(kind: Literal["config", "rules"], tenant: str, document: Any) -> Remedy:
    """Make a remedy that publishes a whole document; the shell takes it as it is printed."""
    text = json.dumps(document, ensure_ascii=False, indent=2)
    return Remedy("command", f"recsys {kind} put --tenant {shlex.quote(tenant)} - <<'JSON'\n{text}\nJSON")


def changed_request(**fields: Any) -> Remedy:
    """Make a remedy that changes the request."""
    return Remedy("request", json.dumps(fields, ensure_ascii=False))


def note(text: str) -> Remedy:
    """Make a remedy that only a person can carry out."""
    return Remedy("note", text)


def first_failing(checks: Iterable[Finding]) -> Finding | None:
    """Return the answer, if anything is wrong."""
    return next((check for check in checks if check.status == "fail"), None)
