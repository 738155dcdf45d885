"""API keys over HTTP: listed, made, revoked."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from recsys.api.actors import actor
from recsys.api.admin.work import document, of_tenant
from recsys.api.call import Call
from recsys.api.service import Service
from recsys.tenancy import keys
from recsys.tenancy.keys import Key, NewKey
from recsys.tenancy.roles import Role


class KeyResponse(Struct, frozen=True):
    """What is known of a key; its text is known only to who holds it."""

    id: UUID
    name: str
    key_prefix: str
    roles: tuple[Role, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class CreatedKeyResponse(KeyResponse, frozen=True, kw_only=True):
    """A new key. `key` is shown this once."""

    key: str


class KeysResponse(Struct, frozen=True):
    """A tenant's keys, newest first."""

    tenant_id: str
    api_keys: tuple[KeyResponse, ...]


_new = msgspec.json.Decoder(NewKey)


async def list_all(service: Service, call: Call) -> KeysResponse:
    """List a tenant's keys, revoked and expired ones too."""
    tenant = call.tenant.tenant
    found = await of_tenant(service, call, lambda conn: keys.list_all(conn, tenant.id))
    return KeysResponse(tenant.external_id, tuple(map(_response, found)))


async def create(service: Service, call: Call) -> CreatedKeyResponse:
    """Make a key, and show it this once."""
    new, who = document(call.body, _new), actor(call, service.settings)
    tenant_id, now = call.tenant.tenant.id, datetime.now(UTC)
    created = await of_tenant(service, call, lambda conn: keys.create(conn, tenant_id, new, now=now, actor=who))
    return CreatedKeyResponse(*astuple(_response(created.key)), key=created.text)


async def revoke(service: Service, call: Call, key_id: str) -> None:
    """Refuse a key from now on; a key that was revoked before stays so."""
    tenant_id, who = call.tenant.tenant.id, actor(call, service.settings)
    await of_tenant(service, call, lambda conn: keys.revoke(conn, tenant_id, key_id, actor=who))


def _response(key: Key) -> KeyResponse:
    return KeyResponse(
        key.id,
        key.name,
        key.key_prefix,
        tuple(map(Role, key.roles)),
        key.created_at,
        key.expires_at,
        key.revoked_at,
        key.last_used_at,
    )
