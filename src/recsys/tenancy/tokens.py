"""Bearer tokens: signed by the identity provider, checked with the keys that it publishes."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import jwt

from recsys.settings import Settings
from recsys.tenancy.jwks import Jwks
from recsys.tenancy.roles import Role, granted

TENANT_CLAIMS = ("tenant_id", "org_id", "orgId", "organization_id")
ROLE_CLAIMS = ("roles", "role", "scope", "scopes")
TOKEN_MAX = 8192
KNOWN_MAX = 4096


class Bearer(NamedTuple):
    """Whom a token stands for."""

    subject: str
    tenants: tuple[str, ...]
    roles: frozenset[Role]
    expires_at: float
    """Seconds of Unix time."""


class Refusal(Exception):
    """Why a token is not taken: for the log, never for the answer."""


class Tokens:
    """Checks tokens. One that was checked is remembered until it expires or the provider's keys change."""

    def __init__(self, settings: Settings, jwks: Jwks, *, clock: Callable[[], float] = time.time) -> None:
        self._jwks = jwks
        self._clock = clock
        self._algorithms = settings.jwt_algorithms
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience
        self._leeway = settings.jwt_leeway_seconds
        self._known: OrderedDict[bytes, Bearer] = OrderedDict()
        self._known_generation = 0
        self._lock = threading.Lock()

    def get(self, token: bytes) -> Bearer | None:
        """Return whom a token stands for that was checked before. No I/O."""
        if self._known_generation != self._jwks.generation:
            return None
        bearer = self._known.get(hashlib.sha256(token).digest())
        return bearer if bearer is not None and self._clock() < bearer.expires_at + self._leeway else None

    def check(self, token: bytes) -> Bearer:
        """Check a token; Refusal says why it is not taken. May wait for the identity provider when a key is new."""
        if len(token) > TOKEN_MAX:
            raise Refusal(f"longer than {TOKEN_MAX} bytes")
        generation = self._jwks.require()
        try:
            header = jwt.get_unverified_header(token)
            key = self._key(header)
            claims = jwt.decode(
                token,
                key,
                algorithms=[header["alg"]],
                issuer=self._issuer,
                audience=self._audience,
                leeway=self._leeway,
                options={"require": ["exp", "iss", "aud"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise Refusal(f"{type(error).__name__}: {error}") from None
        bearer = _bearer(claims)
        self._remember(token, bearer, generation)
        return bearer

    def _key(self, header: dict[str, Any]) -> jwt.PyJWK:
        """Find the key that a header names, among those of the provider and for our algorithms only."""
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in self._algorithms:
            raise Refusal(f"signed with {str(algorithm)[:16]!r}, not with {', '.join(self._algorithms)}")
        key = self._jwks.find(kid if isinstance(kid, str) else None, algorithm)
        if key is None:
            raise Refusal("the identity provider publishes no such key")
        return key

    def _remember(self, token: bytes, bearer: Bearer, generation: int) -> None:
        with self._lock:
            if generation != self._known_generation:
                self._known.clear()
                self._known_generation = generation
            self._known[hashlib.sha256(token).digest()] = bearer
            if len(self._known) > KNOWN_MAX:
                self._known.popitem(last=False)


def _bearer(claims: dict[str, Any]) -> Bearer:
    named = (claims.get(name) for name in TENANT_CLAIMS)
    tenants = tuple(dict.fromkeys(name for name in named if isinstance(name, str) and name))
    if not tenants:
        raise Refusal(f"no tenant: none of the claims {', '.join(TENANT_CLAIMS)} is there")
    words = [word for name in ROLE_CLAIMS for word in _words(claims.get(name))]
    return Bearer(str(claims.get("sub") or "unknown"), tenants, granted(words), float(claims["exp"]))


def _words(claim: Any) -> list[str]:
    """Read a claim of roles: a list of words, or words separated by spaces or commas."""
    if isinstance(claim, str):
        return claim.replace(",", " ").split()
    return [word for word in claim if isinstance(word, str)] if isinstance(claim, list) else []
