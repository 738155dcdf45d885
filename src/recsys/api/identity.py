"""Who is calling, for which tenant, and what they may do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Literal, NamedTuple

from recsys.errors import AuthRequired, Forbidden, TenantScopeMismatch
from recsys.settings import Settings
from recsys.tenancy.roles import ALL_ROLES, INCLUDES, Role, granted

__all__ = ["ALL_ROLES", "INCLUDES", "NOBODY", "Caller", "Role", "identify", "named", "refuse_repeated"]

_CREDENTIALS = (b"x-api-key", b"authorization")
_TENANT_HEADER = b"x-org-id"
_DEV_TENANT_HEADER = b"x-dev-org-id"
_ONCE = {*_CREDENTIALS, _TENANT_HEADER, _DEV_TENANT_HEADER, b"x-dev-roles", b"x-dev-user-id"}


class Caller(NamedTuple):
    """Somebody identified."""

    subject: str
    roles: frozenset[Role]
    tenants: tuple[str, ...] = ()
    """Every name, external id or UUID, that credential, headers and address give; all must mean one tenant."""
    kind: Literal["user", "api_key"] = "user"
    bound: bool = False
    """Whether a credential says for which tenant this caller speaks, the first of `tenants`."""

    def require(self, *any_of: Role) -> None:
        """Pass if the caller has one of these roles; Forbidden otherwise."""
        if self.roles.isdisjoint(any_of):
            raise Forbidden(f"This needs the role {' or '.join(any_of)}.")

    def require_installation(self, settings: Settings) -> None:
        """Forbidden for who speaks for a tenant where the installation has keys of its own."""
        if self.bound and settings.installation_keys:
            raise Forbidden("A tenant's own credential may not do this: use a key of the installation.")

    @property
    def may_explain(self) -> bool:
        """Whether the inner workings of a ranking may be shown, and its clock be moved."""
        return Role.OPERATOR in self.roles


NOBODY = Caller("anonymous", frozenset())


def identify(headers: Mapping[bytes, bytes], settings: Settings, *, path_tenant: str | None = None) -> Caller:
    """Find out who calls without a credential; with one, `Credentials.caller` does.

    AuthRequired, unless authentication is off or this is the development mode, where X-Org-Id (or X-Dev-Org-Id) is
    believed. The caller may name no tenant.
    """
    names = named(headers, settings, path_tenant)
    if settings.development:
        return _developer(headers.get(b"x-dev-user-id"), headers.get(b"x-dev-roles"), names)
    if settings.auth_required:
        raise AuthRequired
    return Caller("anonymous", ALL_ROLES, names)


def named(headers: Mapping[bytes, bytes], settings: Settings, path_tenant: str | None) -> tuple[str, ...]:
    """List the tenants that headers and address name, each once."""
    developer = headers.get(_DEV_TENANT_HEADER) if settings.development else None
    return _named(headers.get(_TENANT_HEADER), developer, path_tenant)


def refuse_repeated(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Refuse two values of a header that names a tenant or a caller: a proxy and we might read different ones."""
    seen: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _ONCE and seen.setdefault(name, value) != value:
            raise TenantScopeMismatch(f"The header {name.decode('ascii')} is there twice, with different values.")


def _text(header: bytes | None) -> str | None:
    """Read a header as text; bytes that are not UTF-8 become a name that nothing has."""
    return header.decode("utf-8", errors="replace").strip() or None if header else None


@lru_cache(maxsize=1024)
def _developer(user: bytes | None, roles: bytes | None, tenants: tuple[str, ...]) -> Caller:
    return Caller(_text(user) or "developer", ALL_ROLES if roles is None else _roles(roles), tenants)


@lru_cache(maxsize=1024)
def _named(header: bytes | None, developer: bytes | None, path_tenant: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in (_text(header), _text(developer), path_tenant) if name))


def _roles(header: bytes) -> frozenset[Role]:
    """Read roles, separated by commas or spaces."""
    return granted(re.split(r"[,\s]+", header.decode("utf-8", errors="replace").strip()))
