"""What the outer callable needs to know of a route before it lets a request through."""

from __future__ import annotations

from typing import Protocol

from recsys.api.call import Answer, Call, Scope
from recsys.api.identity import Role
from recsys.api.service import Service


class Route(Protocol):
    """One way to answer: a hot route, or one of Litestar's."""

    @property
    def endpoint(self) -> str:
        """The path's template."""

    @property
    def requires(self) -> tuple[Role, ...]:
        """Roles of which a caller needs one. Empty: open to all, and for no tenant."""

    @property
    def path_tenant(self) -> str | None:
        """The tenant that the address names."""

    async def answer(self, service: Service, call: Call, scope: Scope) -> Answer:
        """Answer a request that was let through."""
