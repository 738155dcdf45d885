"""Which tokens are taken, and which are not; keys are made here, and nobody is asked over a network."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from recsys.errors import InvalidSetting, Unavailable
from recsys.settings import Settings
from recsys.tenancy.jwks import Jwks
from recsys.tenancy.roles import Role
from recsys.tenancy.tokens import Refusal, Tokens

ISSUER, AUDIENCE = "https://id.example", "recsys"
OURS = rsa.generate_private_key(65537, 2048)
STRANGE = rsa.generate_private_key(65537, 2048)
CURVE = ec.generate_private_key(ec.SECP256R1())
SETTINGS = Settings(jwt_jwks_url="https://id.example/keys", jwt_issuer=ISSUER, jwt_audience=AUDIENCE)


class Provider:
    """An identity provider: what it publishes, whether it answers, and how often it was asked."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.keys = list(keys)
        self.away = False
        self.asked = 0

    def read(self, _url: str) -> bytes:
        """Answer as the provider would over HTTP."""
        self.asked += 1
        if self.away:
            raise OSError("no route to host")
        return json.dumps({"keys": self.keys}).encode()


def published(key: Any, kid: str | None = "one", **more: Any) -> dict[str, Any]:
    """Write the public half of a key as a provider publishes it."""
    algorithm = (
        jwt.algorithms.ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else jwt.algorithms.RSAAlgorithm
    )
    document = json.loads(algorithm.to_jwk(key.public_key()))
    return document | ({} if kid is None else {"kid": kid}) | {"use": "sig"} | more


@pytest.fixture
def provider() -> Provider:
    """Publish one RSA key."""
    return Provider(published(OURS))


@pytest.fixture
def tokens(provider: Provider) -> Tokens:
    """Check tokens against what it publishes."""
    return Tokens(SETTINGS, Jwks("https://id.example/keys", read=provider.read))


def claims(**changed: Any) -> dict[str, Any]:
    """Say what a good token says, with some of it changed; None leaves a claim out."""
    now = int(time.time())
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "anna", "tenant_id": "acme", "roles": ["viewer"]}
    said = good | {"iat": now, "nbf": now, "exp": now + 600} | changed
    return {name: value for name, value in said.items() if value is not None}


def sign(key: Any = OURS, algorithm: str = "RS256", kid: str | None = "one", **changed: Any) -> bytes:
    """Make a token."""
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(claims(**changed), key, algorithm=algorithm, headers=headers).encode()


def forged(header: dict[str, Any], secret: bytes | None) -> bytes:
    """Make a token by hand, as no library would: unsigned, or signed with a public key as if it were a secret."""
    parts = [json.dumps(part).encode() for part in (header, claims())]
    body = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = b"" if secret is None else hmac.new(secret, body, hashlib.sha256).digest()
    return body + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")


def test_a_good_token_names_its_bearer(tokens: Tokens) -> None:
    """Subject, tenant and roles come from the claims; roles bring what they include."""
    bearer = tokens.check(sign(roles=["operator", "king"]))
    assert (bearer.subject, bearer.tenants) == ("anna", ("acme",))
    assert bearer.roles == {Role.OPERATOR, Role.VIEWER, Role.INGEST, Role.SERVE}


@pytest.mark.parametrize("claim", ["tenant_id", "org_id", "orgId", "organization_id"])
def test_every_tenant_claim_counts(tokens: Tokens, claim: str) -> None:
    """Any of the four names a tenant, and one beside another is kept, so that they can be held against each other."""
    assert tokens.check(sign(**{"tenant_id": None, claim: "acme"})).tenants == ("acme",)
    if claim != "tenant_id":
        assert tokens.check(sign(**{claim: "other"})).tenants == ("acme", "other")


@pytest.mark.parametrize("claim", ["roles", "role", "scope", "scopes"])
@pytest.mark.parametrize("value", [["viewer"], "viewer", "openid viewer", "openid,viewer"])
def test_every_role_claim_counts(tokens: Tokens, claim: str, value: Any) -> None:
    """Roles are a list, or words in a text."""
    assert tokens.check(sign(**{"roles": None, claim: value})).roles == {Role.VIEWER}


@pytest.mark.parametrize("value", [None, 7, {"viewer": True}, [7, None], ""])
def test_other_roles_are_none(tokens: Tokens, value: Any) -> None:
    """What is no list of words grants nothing."""
    assert tokens.check(sign(roles=value)).roles == frozenset()


REFUSED: dict[str, Callable[[], bytes]] = {
    "signed with another key": lambda: sign(STRANGE),
    "a key that nobody publishes": lambda: sign(STRANGE, kid="two"),
    "expired": lambda: sign(exp=int(time.time()) - 60),
    "not yet valid": lambda: sign(nbf=int(time.time()) + 300),
    "without an end": lambda: sign(exp=None),
    "another issuer": lambda: sign(iss="https://evil.example"),
    "no issuer": lambda: sign(iss=None),
    "another audience": lambda: sign(aud="billing"),
    "no audience": lambda: sign(aud=None),
    "no tenant": lambda: sign(tenant_id=None),
    "an empty tenant": lambda: sign(tenant_id=""),
    "a tenant that is no text": lambda: sign(tenant_id=7),
    "no signature": lambda: forged({"alg": "none", "kid": "one"}, None),
    "no signature, spelled otherwise": lambda: forged({"alg": "NoNe", "kid": "one"}, None),
    "the public key as a secret, PEM": lambda: forged(
        {"alg": "HS256", "kid": "one"}, OURS.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    ),
    "the public key as a secret, DER": lambda: forged(
        {"alg": "HS256", "kid": "one"}, OURS.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ),
    "an algorithm that was not agreed": lambda: sign(algorithm="RS512"),
    "an algorithm for other keys": lambda: sign(CURVE, algorithm="ES256"),
    "no algorithm": lambda: forged({"kid": "one"}, None),
    "an algorithm that is no text": lambda: forged({"alg": ["RS256"], "kid": "one"}, None),
    "cut": lambda: sign()[:-4],
    "changed": lambda: sign().replace(b".", b".A", 1),
    "nothing": lambda: b"",
    "not a token": lambda: b"a.b.c",
    "not text": lambda: b"\xff.\xff.\xff",
    "deep": lambda: base64.urlsafe_b64encode(b"[" * 3000) + b"..",
    "long": lambda: b"a" * 9000,
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_bad_token_is_refused(tokens: Tokens, why: str) -> None:
    """It is refused with a reason for the log, and is not remembered as good."""
    token = REFUSED[why]()
    with pytest.raises(Refusal) as refusal:
        tokens.check(token)
    assert str(refusal.value)
    assert tokens.get(token) is None


def test_a_secret_among_the_published_keys_is_not_used(provider: Provider) -> None:
    """A provider that publishes a symmetric key by mistake gives nobody the right to sign."""
    provider.keys = [{"kty": "oct", "k": base64.urlsafe_b64encode(b"secret").decode(), "kid": "one", "alg": "HS256"}]
    tokens = Tokens(SETTINGS, Jwks("x", read=provider.read))
    with pytest.raises(Refusal):
        tokens.check(forged({"alg": "HS256", "kid": "one"}, b"secret"))


def test_a_key_is_used_only_for_its_algorithm(provider: Provider) -> None:
    """A key that is published for PS256 does not check RS256, although both are RSA."""
    provider.keys = [published(OURS, alg="PS256")]
    tokens = Tokens(SETTINGS, Jwks("x", read=provider.read))
    with pytest.raises(Refusal):
        tokens.check(sign())


def test_a_token_without_a_key_id_needs_the_only_key(provider: Provider) -> None:
    """With one fitting key it is checked against that; with two nobody guesses."""
    tokens = Tokens(SETTINGS, Jwks("x", read=provider.read))
    assert tokens.check(sign(kid=None)).subject == "anna"
    provider.keys = [published(OURS, "one"), published(STRANGE, "two")]
    tokens = Tokens(SETTINGS, Jwks("x", read=provider.read))
    with pytest.raises(Refusal):
        tokens.check(sign(kid=None))


def test_curves_are_checked_too(provider: Provider) -> None:
    """ES256 is agreed by default beside RS256."""
    provider.keys = [published(OURS, "one"), published(CURVE, "two")]
    tokens = Tokens(SETTINGS, Jwks("x", read=provider.read))
    assert tokens.check(sign(CURVE, "ES256", "two")).subject == "anna"


def test_a_token_that_was_checked_is_remembered_until_it_expires(provider: Provider) -> None:
    """The second time costs no signature, and its end is looked at every time."""
    now = [time.time()]
    tokens = Tokens(SETTINGS, Jwks("x", read=provider.read), clock=lambda: now[0])
    token = sign()
    assert tokens.get(token) is None
    assert tokens.check(token) == tokens.get(token)
    now[0] += 600 + SETTINGS.jwt_leeway_seconds + 1
    assert tokens.get(token) is None


def test_a_key_that_is_withdrawn_takes_its_tokens_along(provider: Provider) -> None:
    """When the provider publishes other keys, what was remembered is checked again."""
    jwks = Jwks("x", read=provider.read)
    tokens, token = Tokens(SETTINGS, jwks), sign()
    tokens.check(token)
    provider.keys = [published(STRANGE, "two")]
    jwks.refresh_once(force=True)
    assert tokens.get(token) is None
    with pytest.raises(Refusal):
        tokens.check(token)


def test_the_provider_may_be_away(provider: Provider, tokens: Tokens) -> None:
    """Its last keys stay in use for as long as it takes, for tokens that were never seen before, too."""
    jwks = tokens._jwks
    assert jwks.refresh_once(force=True)
    provider.away = True
    for _ in range(3):
        assert not jwks.refresh_once(force=True)
    assert tokens.check(sign(sub="somebody new")).subject == "somebody new"
    assert jwks.failure == "no route to host"


def test_before_the_provider_has_answered_nobody_is_refused(provider: Provider, tokens: Tokens) -> None:
    """Without keys a token can not be told good or bad: that is 503, not 401."""
    provider.away = True
    with pytest.raises(Unavailable):
        tokens.check(sign())


def test_unknown_keys_do_not_hammer_the_provider(provider: Provider, tokens: Tokens) -> None:
    """A thousand tokens with made-up key ids ask it twice at most."""
    for number in range(1000):
        with pytest.raises(Refusal):
            tokens.check(forged({"alg": "RS256", "kid": f"k{number}"}, b"x"))
    assert provider.asked <= 2


def test_a_new_key_is_found_when_it_is_needed(provider: Provider) -> None:
    """A token signed with a key that was published a moment ago is taken, without waiting for the next reading."""
    jwks = Jwks("x", read=provider.read)
    tokens = Tokens(SETTINGS, jwks)
    tokens.check(sign())
    provider.keys.append(published(STRANGE, "two"))
    jwks._asked_at = float("-inf")  # as if some seconds had passed
    assert tokens.check(sign(STRANGE, kid="two")).subject == "anna"


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"keys": 7}', b"<html>"])
def test_an_answer_that_holds_no_keys_changes_nothing(provider: Provider, answer: bytes) -> None:
    """An error page in place of the keys leaves the last ones in use."""
    jwks = Jwks("x", read=provider.read)
    tokens = Tokens(SETTINGS, jwks)
    jwks.refresh_once(force=True)
    jwks._read = lambda _: answer
    assert not jwks.refresh_once(force=True)
    assert tokens.check(sign()).subject == "anna"


def test_issuer_and_audience_must_be_pinned() -> None:
    """A JWKS URL without them stops the start: any token of that provider would be good here."""
    with pytest.raises(InvalidSetting, match="RECSYS_JWT_ISSUER"):
        Settings(jwt_jwks_url="https://id.example/keys")


@pytest.mark.parametrize("algorithms", ["none", "HS256", "RS256,HS256", ""])
def test_no_weak_algorithm_can_be_set(algorithms: str) -> None:
    """Neither none nor a shared secret can be agreed on."""
    environ = {"RECSYS_JWT_ALGORITHMS": algorithms}
    if not algorithms:
        assert Settings.from_environment(environ).jwt_algorithms == ("RS256", "ES256")
        return
    with pytest.raises(InvalidSetting, match="RECSYS_JWT_ALGORITHMS"):
        Settings.from_environment(environ)
