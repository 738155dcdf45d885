"""The keyed hash that stands for a visitor wherever events are stored; the raw id never is (pure)."""

from __future__ import annotations

import hmac
from functools import lru_cache
from uuid import UUID

_DIGEST = "sha256"


def user_key(secret: bytes, tenant_id: UUID, user_id: str | None, anonymous_id: str | None) -> bytes | None:
    """Hash who the visitor is: 32 bytes, HMAC-SHA256 over ``u:`` + user_id, else over ``a:`` + anonymous_id.

    Absent and empty ids are the same thing; None when the request names nobody.
    """
    return keyed(tenant_key(secret, tenant_id), user_id, anonymous_id) if user_id or anonymous_id else None


def keyed(key: bytes, user_id: str | None, anonymous_id: str | None) -> bytes | None:
    """Do what `user_key` does, with the `tenant_key` at hand."""
    if user_id:
        return hmac.digest(key, b"u:" + user_id.encode(), _DIGEST)
    if anonymous_id:
        return hmac.digest(key, b"a:" + anonymous_id.encode(), _DIGEST)
    return None


@lru_cache(maxsize=4096)
def tenant_key(secret: bytes, tenant_id: UUID) -> bytes:
    """Derive the tenant's own HMAC key from *secret*, so that two tenants can not join their visitors."""
    return hmac.digest(secret, b"recsys user key, tenant " + tenant_id.bytes, _DIGEST)
