"""`DELETE .../users/{user_id}`: a person's events are erased."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from recsys.api.actors import actor
from recsys.api.admin.work import query
from recsys.api.call import Call
from recsys.api.service import Service
from recsys.errors import InvalidRequest, Problem
from recsys.events import erasure
from recsys.events.erasure import Person, Receipt
from recsys.secret import user_key_secrets

PATIENCE_SECONDS = 12.0
_Id = Annotated[str, Meta(min_length=1, max_length=256)]


class EraseQuery(Struct, frozen=True):
    """Other names of the same person."""

    anonymous_id: _Id | None = None
    session_id: _Id | None = None


async def erase(service: Service, call: Call, user_id: str, asked: dict[str, str | None]) -> Receipt:
    """Erase, and answer the receipt; Unavailable when it takes longer than a request may: ask again, it goes on."""
    names = query(asked | {"user_id": user_id}, _Named)
    if any("\0" in name for name in (names.user_id, names.anonymous_id or "", names.session_id or "")):
        raise InvalidRequest([Problem("$.user_id", "Nobody's name holds U+0000.")])
    person = Person((names.user_id,), _given(names.anonymous_id), _given(names.session_id))
    settings, who, tenant_id = service.settings, actor(call, service.settings), call.tenant.tenant.id

    def work() -> Receipt:
        return erasure.erase(
            service.serving.database,
            tenant_id,
            person,
            secrets=user_key_secrets(settings),
            workers=settings.workers_dir,
            actor=who,
        )

    return await service.admin.load((tenant_id, person), work, patience=PATIENCE_SECONDS)


class _Named(EraseQuery, frozen=True, kw_only=True):
    user_id: _Id


def _given(name: str | None) -> tuple[str, ...]:
    return () if name is None else (name,)
