"""The request whose list is looked at, as the runbook wants it: read by the rules of `/v1/recommend`."""

from __future__ import annotations

from recsys.api.call import Call
from recsys.api.history import LENGTH_MAX
from recsys.api.questions import K
from recsys.api.recommend import question
from recsys.api.wire import RecommendRequest, User
from recsys.db.pool import Database
from recsys.diagnosis.facts import Asked, Case
from recsys.diagnosis.gather import Ask
from recsys.errors import DatabaseUnavailable
from recsys.events import history
from recsys.events.user_key import user_key
from recsys.ranking.query import NOBODY, Visitor
from recsys.tenancy.config import DEFAULTS
from recsys.tenancy.directory import TenantView


def asking(
    call: Call, asked: Asked, request: RecommendRequest | None, database: Database | None, secret: bytes | None
) -> Ask:
    """Put *request*, or a plain one for what is *asked*, into ranking's words once the tenant is known.

    Without *secret* (an installation that has none yet) nobody is known by an id.
    """

    def ask(view: TenantView) -> Case:
        call.view = view
        params = (view.config or DEFAULTS).request(asked.surface)
        plain = RecommendRequest(surface=asked.surface, segment=asked.segment, k=min(K, params.max_k))
        found = question(call, request or plain)
        visitor = _visitor(database, view, found.user, secret)
        identified = any((found.user.user_id, found.user.anonymous_id, found.user.session_id))
        return Case(found.query, found.params, visitor, identified, found.rules_at)

    return ask


def _visitor(database: Database | None, view: TenantView, user: User, secret: bytes | None) -> Visitor:
    key = None if secret is None else user_key(secret, view.tenant.id, user.user_id, user.anonymous_id)
    session_id = user.session_id or None
    if database is None or (key is None and session_id is None):
        return NOBODY
    try:
        with database.service(view.tenant.id) as conn:
            return Visitor(tuple(history.recent(conn, view.tenant.id, key, session_id, LENGTH_MAX)))
    except DatabaseUnavailable:
        return NOBODY
