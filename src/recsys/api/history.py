"""Who looks: the visitor's key, and what they did lately."""

from __future__ import annotations

from functools import partial

from recsys.api.service import Service
from recsys.api.wire import User
from recsys.errors import OperatorError, TryLater
from recsys.events import history
from recsys.events.user_key import user_key
from recsys.ranking.query import NOBODY, Visitor
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
    """Read what a visitor did lately, newest first, and say whether that is known.

    A list that is late is worth less than one that is not personal: after 25 ms it is made without.
    """
    if key is None and not session_id:
        return NOBODY, True
    work = partial(_recent, service, view, key, session_id or None)
    try:
        return await service.histories.load((view.tenant.id, key, session_id), work, patience=PATIENCE_SECONDS), True
    except (TryLater, OperatorError):
        return NOBODY, False


def _recent(service: Service, view: TenantView, key: bytes | None, session_id: str | None) -> Visitor:
    with service.serving.database.service(view.tenant.id) as conn:
        return Visitor(tuple(history.recent(conn, view.tenant.id, key, session_id, LENGTH_MAX)))
