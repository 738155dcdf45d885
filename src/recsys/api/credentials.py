"""API keys and bearer tokens: whom they stand for. What was checked before costs a hash and a look into memory."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from recsys.api.identity import ALL_ROLES, Caller, identify, named
from recsys.api.loads import Loads
from recsys.errors import AuthInvalid
from recsys.settings import Settings
from recsys.tenancy.keyring import Holder, Keyring
from recsys.tenancy.keys import digest
from recsys.tenancy.tokens import Bearer, Refusal, Tokens

PATIENCE_SECONDS = 6.0
"""A little more than a look at the identity provider may take."""
_KEY, _AUTHORIZATION, _BEARER = b"x-api-key", b"authorization", b"bearer "


class RefusedCredential(AuthInvalid):
    """The credentials were not accepted."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason
        """For the log and the audit, never for the answer."""


class Installation(NamedTuple):
    """Whom a key of RECSYS_INSTALLATION_KEYS stands for: everybody who runs the service, and no tenant."""

    subject: str
    """Names the key by the first digits of its digest, for the audit log."""


class Credentials:
    """Finds out who calls, whatever they bring."""

    def __init__(self, settings: Settings, keys: Keyring, tokens: Tokens | None) -> None:
        self._settings = settings
        self._keys = keys
        self._tokens = tokens
        self._of_installation = tuple(map(bytes.fromhex, settings.installation_keys))
        self._looks = Loads("credential", threads=2, limit=64)

    async def caller(self, headers: Mapping[bytes, bytes], path_tenant: str | None) -> Caller:
        """Name the caller, with every tenant that is named beside them.

        AuthRequired without a credential where one is needed; AuthInvalid for one that is not taken, or for two.
        """
        key, authorization = headers.get(_KEY), headers.get(_AUTHORIZATION)
        if key is None and authorization is None:
            return identify(headers, self._settings, path_tenant=path_tenant)
        if key is not None and authorization is not None:
            raise RefusedCredential("an API key and a token at once")
        who = await self._holder(key) if key is not None else await self._bearer(authorization or b"")
        others = named(headers, self._settings, path_tenant)
        if isinstance(who, Installation):
            return Caller(who.subject, ALL_ROLES, others, "api_key")
        if isinstance(who, Holder):
            return Caller(str(who.key_id), who.roles, (who.tenant, *others), "api_key", bound=True)
        return Caller(who.subject, who.roles, (*who.tenants, *others), bound=True)

    async def _holder(self, text: bytes) -> Holder | Installation:
        key_hash = digest(text)
        if key_hash is None:
            raise RefusedCredential("not an API key")
        if any(hmac.compare_digest(key_hash, one) for one in self._of_installation):
            return Installation(f"installation:{key_hash.hex()[:8]}")
        if self._keys.is_unknown(key_hash):
            raise RefusedCredential("no such API key")
        holder = self._keys.get(key_hash)
        if holder is None:
            holder = await self._looks.load(key_hash, partial(self._keys.fetch, key_hash), patience=PATIENCE_SECONDS)
        if holder is None:
            raise RefusedCredential("no such API key")
        now = datetime.now(UTC)
        if objection := holder.objection(now):
            raise RefusedCredential(f"the API key {holder.key_id} is {objection}")
        self._keys.note_use(holder, now)
        return holder

    async def _bearer(self, authorization: bytes) -> Bearer:
        if not authorization[: len(_BEARER)].lower() == _BEARER:
            raise RefusedCredential("an Authorization that is no bearer token")
        if self._tokens is None:
            raise RefusedCredential("a token, and no identity provider is set (RECSYS_JWT_JWKS_URL)")
        token = authorization[len(_BEARER) :].strip()
        bearer = self._tokens.get(token)
        if bearer is not None:
            return bearer
        try:
            return await self._looks.run(partial(self._tokens.check, token), patience=PATIENCE_SECONDS)
        except Refusal as refusal:
            raise RefusedCredential(str(refusal)) from None

    def close(self) -> None:
        """Look nothing up any more."""
        self._looks.close()
