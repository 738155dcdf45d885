"""Who is calling, for which tenant, and what they may do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from recsys.errors import AuthInvalid, AuthRequired, Forbidden, TenantScopeMismatch, TenantScopeRequired
from recsys.settings import Settings

_CREDENTIALS = (b"x-api-key", b"authorization")
_TENANT_HEADER = b"x-org-id"
_DEV_TENANT_HEADER = b"x-dev-org-id"
_ONCE = {*_CREDENTIALS, _TENANT_HEADER, _DEV_TENANT_HEADER, b"x-dev-roles", b"x-dev-user-id"}


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


class Caller(NamedTuple):
    """Somebody identified."""

    subject: str
    roles: frozenset[Role]
    tenants: tuple[str, ...] = ()
    """Every name, external id or UUID, that credential, headers and address give; all must mean one tenant."""

    def require(self, *any_of: Role) -> None:
        """Pass if the caller has one of these roles; Forbidden otherwise."""
        if self.roles.isdisjoint(any_of):
            raise Forbidden(f"This needs the role {' or '.join(any_of)}.")

    @property
    def may_explain(self) -> bool:
        """Whether the inner workings of a ranking may be shown, and its clock be moved."""
        return Role.OPERATOR in self.roles


NOBODY = Caller("anonymous", frozenset())


def identify(headers: Mapping[bytes, bytes], settings: Settings, *, path_tenant: str | None = None) -> Caller:
    """Find out who calls.

    Without a credential: AuthRequired, unless authentication is off or this is the development mode, where
    X-Org-Id (or X-Dev-Org-Id) is believed. TenantScopeRequired when nothing names a tenant.
    """
    if settings.development:
        caller = _developer(headers, path_tenant)
    elif any(name in headers for name in _CREDENTIALS):
        raise AuthInvalid
    elif settings.auth_required:
        raise AuthRequired
    else:
        caller = Caller("anonymous", ALL_ROLES, _named(_text(headers.get(_TENANT_HEADER)), path_tenant))
    if not caller.tenants:
        raise TenantScopeRequired
    return caller


def refuse_repeated(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Refuse two values of a header that names a tenant or a caller: a proxy and we might read different ones."""
    seen: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _ONCE and seen.setdefault(name, value) != value:
            raise TenantScopeMismatch(f"The header {name.decode('ascii')} is there twice, with different values.")


def _developer(headers: Mapping[bytes, bytes], path_tenant: str | None) -> Caller:
    names = _named(_text(headers.get(_TENANT_HEADER)), _text(headers.get(_DEV_TENANT_HEADER)), path_tenant)
    roles = headers.get(b"x-dev-roles")
    subject = _text(headers.get(b"x-dev-user-id")) or "developer"
    return Caller(subject, ALL_ROLES if roles is None else _roles(roles), names)


def _named(*names: str | None) -> tuple[str, ...]:
    """Keep the names that were given, each once, in order."""
    return tuple(dict.fromkeys(name for name in names if name))


def _text(header: bytes | None) -> str | None:
    """Read a header as text; bytes that are not UTF-8 become a name that nothing has."""
    return header.decode("utf-8", errors="replace").strip() or None if header else None


@lru_cache(maxsize=256)
def _roles(header: bytes) -> frozenset[Role]:
    """Read roles, separated by commas or spaces, with all that they include; unknown words grant nothing."""
    words = re.split(r"[,\s]+", header.decode("utf-8", errors="replace").strip())
    return frozenset(role for word in words if word in ALL_ROLES for role in INCLUDES[Role(word)])
