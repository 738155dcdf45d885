"""What a caller may do: five words, and which of them include others (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Role(StrEnum):
    """What a caller may be allowed to do; a role includes the ones that `INCLUDES` names."""

    SERVE = "serve"
    INGEST = "ingest"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


INCLUDES: dict[Role, frozenset[Role]] = {
    Role.SERVE: frozenset({Role.SERVE}),
    Role.INGEST: frozenset({Role.INGEST, Role.SERVE}),
    Role.VIEWER: frozenset({Role.VIEWER}),
    Role.OPERATOR: frozenset({Role.OPERATOR, Role.VIEWER, Role.INGEST, Role.SERVE}),
    Role.ADMIN: frozenset(Role),
}
ALL_ROLES = frozenset(Role)


def granted(words: Iterable[str]) -> frozenset[Role]:
    """Return the roles that *words* name, with all that they include; unknown words grant nothing."""
    return frozenset(role for word in words if word in ALL_ROLES for role in INCLUDES[Role(word)])
