"""Who is let through, for which tenant, and how often: asked once for every route that serves data."""

from __future__ import annotations

from recsys.api import identity, tenants
from recsys.api.call import Call, Scope
from recsys.api.credentials import Credentials
from recsys.api.intrusions import Intrusions
from recsys.api.limits import Limits
from recsys.api.route import Need, Route
from recsys.api.service import Service
from recsys.errors import Refused

_OF_NO_TENANT = (Need.NONE, Need.INSTALLATION)


class Admission:
    """Identity, tenant, role and rate, in this order; refused attempts are noted."""

    def __init__(self, service: Service) -> None:
        serving = service.serving
        self._service = service
        self._credentials = Credentials(serving.settings, serving.keys, serving.tokens)
        self._intrusions = Intrusions(serving.settings, serving.database, serving.directory)
        self._limits = Limits(serving.settings)

    async def admit(self, call: Call, route: Route, scope: Scope) -> None:
        """Let a call through, with its caller and its tenant; the errors of identity, tenants and limits otherwise."""
        try:
            if len(call.headers) != len(scope["headers"]):
                identity.refuse_repeated(scope["headers"])
            call.caller = await self._credentials.caller(call.headers, route.path_tenant)
            if route.need not in _OF_NO_TENANT or call.caller.bound:
                call.view = await tenants.find(self._service, call.caller.tenants, suspended=route.need is Need.KNOWN)
            call.limits = self._limits.count(call.view and call.view.tenant.id, call.caller.subject)
            call.caller.require(*route.requires)
            if route.need is Need.INSTALLATION:
                call.caller.require_installation(self._service.settings)
        except Refused as error:
            self._intrusions.note(call, error)
            raise

    def close(self) -> None:
        """Look nothing up and write nothing any more."""
        self._credentials.close()
        self._intrusions.close()
