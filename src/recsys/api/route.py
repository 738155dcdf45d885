"""What the outer callable needs to know of a route before it lets a request through."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from recsys.api.call import Answer, Call, Scope
from recsys.api.identity import Role
from recsys.api.service import Service


class Need(Enum):
    """Which tenant a route is about."""

    ACTIVE = "active"
    """One that may be served."""
    KNOWN = "known"
    """One that may also be suspended: to see it, and to resume it."""
    NONE = "none"
    """None in particular; a credential still speaks for its tenant, and headers must agree with it."""
    INSTALLATION = "installation"
    """None that there is: the credential of a tenant is refused."""


class Route(Protocol):
    """One way to answer: a hot route, or one of Litestar's."""

    @property
    def endpoint(self) -> str:
        """The path's template."""

    @property
    def requires(self) -> tuple[Role, ...]:
        """Roles of which a caller needs one. Empty: open to all, and for no tenant."""

    @property
    def need(self) -> Need:
        """Which tenant it is about, where it requires a role."""

    @property
    def path_tenant(self) -> str | None:
        """The tenant that the address names."""

    @property
    def sheds(self) -> bool:
        """Whether it is refused when this worker has too much to do; health and admin never are."""

    async def answer(self, service: Service, call: Call, scope: Scope) -> Answer:
        """Answer a request that was let through."""
