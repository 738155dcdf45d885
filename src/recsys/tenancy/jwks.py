"""The public keys of the identity provider: read in the background, kept while it is away."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple, Self

import jwt
import structlog

from recsys.errors import Unavailable

AGAIN_SECONDS = 10.0
"""A token whose key is not known makes us ask again, but anybody can send one: at most so often."""
PATIENCE_SECONDS = 5.0
ANSWER_MAX = 1 << 20

_log = structlog.get_logger()


class Published(NamedTuple):
    """One key as the provider publishes it."""

    kid: str | None
    document: dict[str, Any]


class Jwks:
    """The provider's keys. Any thread may ask; inside `with` they are read again now and then.

    When the provider does not answer, the last keys it gave stay in use for as long as it takes.
    """

    def __init__(self, url: str, *, refresh_seconds: float = 300.0, read: Callable[[str], bytes] | None = None) -> None:
        self._url = url
        self._refresh_seconds = refresh_seconds
        self._read = read or _fetch
        self._keys: tuple[Published, ...] | None = None
        self._asked_at = float("-inf")
        self._asking = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._refresh_on, name="jwks", daemon=True)
        self.generation = 0
        """Grows when the provider publishes other keys than before."""
        self.failure: str | None = None
        """Why the last reading failed; None if it did not."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_SECONDS)

    def require(self) -> int:
        """Return the generation of the keys that there are.

        Unavailable as long as the provider has never answered: nobody can be told from anybody then.
        """
        if self._keys is None and not self.refresh_once() and self._keys is None:
            raise Unavailable("The identity provider does not answer, so tokens can not be checked yet. Try again.")
        return self.generation

    def find(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        """Return the key for a token's header, None if there is none, after having asked for new ones."""
        return self._among(kid, algorithm) or (self._among(kid, algorithm) if self.refresh_once() else None)

    def refresh_once(self, *, force: bool = False) -> bool:
        """Read the keys, unless that was just done; tell whether they were read."""
        with self._asking:
            if not force and time.monotonic() - self._asked_at < AGAIN_SECONDS:
                return False
            self._asked_at = time.monotonic()
            try:
                keys = _parse(self._read(self._url))
            except (OSError, ValueError) as error:
                self._fail(str(error))
                return False
            if keys != self._keys:
                self._keys = keys
                self.generation += 1
            self.failure = None
            return True

    def _among(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        fitting = [key for key in map(_usable(algorithm), self._named(kid)) if key is not None]
        return fitting[0] if len(fitting) == 1 or (fitting and kid is not None) else None

    def _named(self, kid: str | None) -> list[Published]:
        return [key for key in self._keys or () if kid is None or key.kid == kid]

    def _refresh_on(self) -> None:
        while not self._stop.is_set():
            self.refresh_once(force=True)
            self._stop.wait(
                self._refresh_seconds if self.failure is None else min(AGAIN_SECONDS, self._refresh_seconds)
            )

    def _fail(self, failure: str) -> None:
        if self.failure is None:
            _log.warning("keys of the identity provider not read; the last serve on", url=self._url, error=failure)
        self.failure = failure


def _fetch(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310  the operator's own URL
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310  the same
        body: bytes = answer.read(ANSWER_MAX)
    return body


def _parse(document: bytes) -> tuple[Published, ...]:
    value = json.loads(document)
    keys = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(keys, list):
        raise ValueError("not a JSON Web Key Set: it has no list of keys")  # noqa: TRY004  what was read is wrong, not its type
    return tuple(Published(key.get("kid"), key) for key in keys if isinstance(key, dict) and _is_public(key))


def _is_public(key: dict[str, Any]) -> bool:
    """Leave out secrets, which would let who can read them sign, and keys that are for encryption."""
    return key.get("kty") != "oct" and key.get("use", "sig") == "sig"


def _usable(algorithm: str) -> Callable[[Published], jwt.PyJWK | None]:
    """Make a key of what is published, if it is one for *algorithm*."""

    def use(key: Published) -> jwt.PyJWK | None:
        if key.document.get("alg", algorithm) != algorithm:
            return None
        try:
            return jwt.PyJWK(key.document, algorithm=algorithm)
        except jwt.PyJWTError:
            return None

    return use
