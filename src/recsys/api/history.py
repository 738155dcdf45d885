"""Who looks: the visitor's key, and what they did lately."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from recsys.api.service import Service
from recsys.api.wire import User
from recsys.errors import OperatorError, Overloaded, TryLater
from recsys.events import history
from recsys.events.histories import Marks, marks
from recsys.events.user_key import user_key
from recsys.ranking.query import NOBODY, Event, Visitor
from recsys.tenancy.config import RequestParams
from recsys.tenancy.directory import TenantView

PATIENCE_SECONDS = 0.025
LENGTH_MAX = 200
_NO_USER = User()


def key_of(service: Service, view: TenantView, user: User | None) -> bytes | None:
    """Make the key that stands for a visitor in every record; None for somebody who gives no id."""
    user = user or _NO_USER
    return user_key(service.serving.secret, view.tenant.id, user.user_id, user.anonymous_id)


def matters(params: RequestParams, *, anchored: bool) -> bool:
    """Tell whether a visitor's history would change the list."""
    exclusions = params.exclusions
    excludes = exclusions.seen_days is not None or exclusions.purchased_days is not None
    return not anchored or params.personalization.weight > 0 or excludes


async def visitor(
    service: Service, view: TenantView, key: bytes | None, session_id: str | None
) -> tuple[Visitor, bool]:
    """Say what a visitor did lately, newest first, and whether that is known: from memory, else from the database.

    A list that is late is worth less than one that is not personal: after 25 ms it is made without. While the
    database is away nobody waits at all: now and then a request begins a read that only finds out whether it is back.
    """
    whose = marks(view.tenant.id, key, session_id or None)
    if not whose:
        return NOBODY, True
    events = service.serving.histories.get(whose)
    if events is not None:
        return Visitor(events), True
    breaker = service.history_breaker
    work = partial(breaker.watch, partial(_recent, service, view, key, session_id or None, whose))
    if not breaker.is_closed:
        if breaker.claim_probe():
            with suppress(Overloaded):  # every thread of this room still waits for the database
                service.histories.start(work)
        return NOBODY, False
    try:
        return Visitor(await service.histories.load(whose, work, patience=PATIENCE_SECONDS)), True
    except (TryLater, OperatorError):
        return NOBODY, False


def _recent(
    service: Service, view: TenantView, key: bytes | None, session_id: str | None, whose: Marks
) -> tuple[Event, ...]:
    """Read a history and keep it, also when the request that wanted it could not wait."""
    histories = service.serving.histories
    asked_at = histories.now()
    events = tuple(history.look_up(service.serving.database, view.tenant.id, key, session_id, LENGTH_MAX))
    histories.put(whose, events, asked_at)
    return events
