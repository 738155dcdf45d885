"""How often a tenant and a caller may ask: one number each, which says when they have had their share."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import NamedTuple

from recsys.api.call import Headers
from recsys.api.ledger import Ledger, OwnLedger, SharedLedger
from recsys.errors import RateLimited
from recsys.settings import Settings

_ROUNDING = 1e-9  # seconds that sums of intervals may be wrong by


class Taken(NamedTuple):
    """What is left after one request was counted."""

    allowed: bool
    limit: int
    """Requests that may come at once."""
    remaining: int
    reset: float
    """Seconds until the whole burst is there again."""
    wait: float
    """Seconds until one request is there, where this one was not allowed."""

    def headers(self) -> Headers:
        """Say it as RateLimit-Limit, -Remaining and -Reset."""
        return (
            (b"ratelimit-limit", str(self.limit).encode("ascii")),
            (b"ratelimit-remaining", str(self.remaining).encode("ascii")),
            (b"ratelimit-reset", str(math.ceil(self.reset)).encode("ascii")),
        )


class Bucket:
    """Token buckets by name, each kept as the time at which it is full again (GCRA): no timer fills them.

    *rate* is in requests a second, *burst* the seconds' worth of it that may come at once, at least one request.
    """

    def __init__(
        self,
        rate: float,
        burst: float,
        *,
        ledger: Ledger | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval = 1 / rate
        self._burst = max(burst, self._interval)
        self._clock = clock
        self._ledger = ledger or OwnLedger()

    def take(self, name: Hashable) -> Taken:
        """Count one request of *name*; one that is not allowed costs nothing."""
        now = self._clock()
        full_at = self._known(name, now) + self._interval
        wait = full_at - now - self._burst
        limit = round(self._burst / self._interval)
        if wait > _ROUNDING:
            return Taken(False, limit, 0, full_at - self._interval - now, wait)
        self._ledger.write(name, full_at, now)
        remaining = int((self._burst - (full_at - now)) / self._interval + _ROUNDING)
        return Taken(True, limit, remaining, full_at - now, 0.0)

    def _known(self, name: Hashable, now: float) -> float:
        """Return when *name* is full again: now, where the ledger holds a time that this limit can not have made."""
        known = self._ledger.read(name)
        return known if known is not None and now < known <= now + self._burst + _ROUNDING else now


class Limits:
    """The limits of a host, which its workers keep together; nothing is counted where none is set."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._tenants = _bucket(settings.rate_limit_tenant, settings, settings.tenant_limits_path, clock)
        self._callers = _bucket(settings.rate_limit_key, settings, settings.key_limits_path, clock)

    def count(self, tenant: Hashable, caller: str) -> Headers:
        """Count a request for its tenant and its caller; the headers tell of the one that is nearer to its end.

        RateLimited carries the same headers.
        """
        taken = []
        if self._callers is not None:
            taken.append(self._callers.take((tenant, caller)))
        if self._tenants is not None and all(one.allowed for one in taken):
            taken.append(self._tenants.take(tenant))
        if not taken:
            return ()
        nearest = min(taken, key=lambda one: (one.allowed, one.remaining))
        if not nearest.allowed:
            raise RateLimited(nearest.wait, nearest.headers())
        return nearest.headers()


def _bucket(rate: float, settings: Settings, shared: Path, clock: Callable[[], float]) -> Bucket | None:
    if not rate:
        return None
    return Bucket(rate, settings.rate_burst_seconds, ledger=SharedLedger(shared), clock=clock)
