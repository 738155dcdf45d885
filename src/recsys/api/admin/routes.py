"""The admin routes, as Litestar knows them."""

from __future__ import annotations

from functools import cache
from typing import Any

from litestar import Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery
from litestar.types import ControllerRouterHandler

from recsys.api.admin import audit, documents, keys, preview, tenants, users
from recsys.api.admin import cache as caches
from recsys.api.admin.audit import AuditQuery, AuditResponse
from recsys.api.admin.cache import InvalidateRequest, InvalidateResponse
from recsys.api.admin.documents import (
    ConfigResponse,
    DifferenceResponse,
    RollbackRequest,
    RulesResponse,
    VersionsQuery,
    VersionsResponse,
)
from recsys.api.admin.keys import CreatedKeyResponse, KeysResponse
from recsys.api.admin.preview import PreviewRequest, PreviewResponse
from recsys.api.admin.tenants import TenantChange, TenantResponse, TenantsResponse
from recsys.api.admin.users import EraseQuery
from recsys.api.call import Call
from recsys.api.identity import Role
from recsys.api.openapi import BODY, HEADERS, NEEDS, QUERY, REQUIRES, refusals
from recsys.api.route import Need
from recsys.api.service import Service
from recsys.events.erasure import Receipt
from recsys.rules import parse as rules_document
from recsys.tenancy import config as config_document
from recsys.tenancy.keys import NewKey
from recsys.tenancy.store import CONFIG, RULES
from recsys.tenancy.tenants import NewTenant

TENANTS = "/v1/admin/tenants"
TENANT = TENANTS + "/{tenant_id:str}"
_READ = refusals(400, 401, 403, 404, 429, 503)
_READ_DOCUMENT = {304: ResponseSpec(None, description="The reader has it."), **_READ}
_WRITE = refusals(400, 401, 403, 404, 409, 412, 413, 415, 422, 428, 429, 503)
_OBJECT = {"type": "object", "description": "The whole document; /v1/schemas/config.json says what it may hold."}
_RULES = {
    "type": ["array", "object"],
    "description": "The whole document; /v1/schemas/rules.json says what it may hold.",
}
_READER = {"If-None-Match": "The etag that the reader has: 304 if it is still the live one."}
_WRITER = {
    "If-Match": "The etag that must be live, or * for any version; 412 if it is not.",
    "If-None-Match": "* publishes only if there is no version yet.",
    "X-Change-Comment": "Why, in up to 1000 printable characters; kept with the version and in the audit log.",
}
_ADMIN: dict[str, Any] = {REQUIRES: (Role.ADMIN,)}
_OPERATOR: dict[str, Any] = {REQUIRES: (Role.OPERATOR,)}
_VIEWER: dict[str, Any] = {REQUIRES: (Role.VIEWER,)}

Serves = NamedDependency[Service]
Asks = NamedDependency[Call]


@get(TENANTS, tags=["Tenants"], opt=_ADMIN | {NEEDS: Need.NONE}, responses=_READ)
async def list_tenants(service: Serves, call: Asks) -> TenantsResponse:
    """List tenants by external id. Who speaks for one tenant sees that one."""
    return await tenants.list_all(service, call)


@post(
    TENANTS,
    status_code=201,
    tags=["Tenants"],
    opt=_ADMIN | {NEEDS: Need.INSTALLATION, BODY: NewTenant},
    responses=_WRITE,
)
async def create_tenant(service: Serves, call: Asks) -> TenantResponse:
    """Create a tenant. It can be served at once, with the default config."""
    return await tenants.create(service, call)


@get(TENANT, tags=["Tenants"], opt=_VIEWER | {NEEDS: Need.KNOWN}, responses=_READ)
async def get_tenant(call: Asks) -> TenantResponse:
    """Answer one tenant."""
    return await tenants.get(call)


@patch(TENANT, tags=["Tenants"], opt=_ADMIN | {NEEDS: Need.KNOWN, BODY: TenantChange}, responses=_WRITE)
async def change_tenant(service: Serves, call: Asks) -> TenantResponse:
    """Rename a tenant, suspend it, or resume it. Every host follows within a second."""
    return await tenants.change(service, call)


@get(TENANT + "/api-keys", tags=["API keys"], opt=_ADMIN, responses=_READ)
async def list_keys(service: Serves, call: Asks) -> KeysResponse:
    """List a tenant's keys, newest first; none is shown."""
    return await keys.list_all(service, call)


@post(TENANT + "/api-keys", status_code=201, tags=["API keys"], opt=_ADMIN | {BODY: NewKey}, responses=_WRITE)
async def create_key(service: Serves, call: Asks) -> CreatedKeyResponse:
    """Make a key. The answer shows it; nothing shows it again."""
    return await keys.create(service, call)


@delete(TENANT + "/api-keys/{key_id:str}", status_code=204, tags=["API keys"], opt=_ADMIN, responses=_READ)
async def revoke_key(service: Serves, call: Asks, key_id: FromPath[str]) -> None:
    """Refuse a key from now on. Every host follows within a second."""
    await keys.revoke(service, call, key_id)


@get(TENANT + "/config", tags=["Config"], opt=_VIEWER | {HEADERS: _READER}, responses=_READ_DOCUMENT)
async def get_config(service: Serves, call: Asks) -> Response[ConfigResponse]:
    """Answer the live config, with its etag; 304 to who sends that etag in If-None-Match."""
    return await documents.get(service, call, CONFIG)


@put(TENANT + "/config", tags=["Config"], opt=_OPERATOR | {BODY: _OBJECT, HEADERS: _WRITER}, responses=_WRITE)
async def put_config(service: Serves, call: Asks) -> Response[ConfigResponse]:
    """Publish a config: the whole document. X-Change-Comment says why; If-Match guards against others' changes."""
    return await documents.put(service, call, CONFIG)


@get(TENANT + "/config/versions", tags=["Config"], opt=_VIEWER | {QUERY: VersionsQuery}, responses=_READ)
async def list_config_versions(service: Serves, call: Asks, limit: FromQuery[str | None] = None) -> VersionsResponse:
    """List the versions of the config, newest first."""
    return await documents.versions(service, call, CONFIG, limit)


@get(
    TENANT + "/config/versions/{etag:str}", tags=["Config"], opt=_VIEWER | {HEADERS: _READER}, responses=_READ_DOCUMENT
)
async def get_config_version(service: Serves, call: Asks, etag: FromPath[str]) -> Response[ConfigResponse]:
    """Answer one version of the config."""
    return await documents.version(service, call, CONFIG, etag)


@get(TENANT + "/config/versions/{etag:str}/diff", tags=["Config"], opt=_VIEWER, responses=_READ)
async def compare_config_version(
    service: Serves, call: Asks, etag: FromPath[str], before: FromQuery[str | None] = None
) -> DifferenceResponse:
    """Say what leads to this version from the live one, or from the version `before`."""
    return await documents.difference(service, call, CONFIG, etag, before)


@post(
    TENANT + "/config/rollback",
    status_code=200,
    tags=["Config"],
    opt=_OPERATOR | {BODY: RollbackRequest, HEADERS: _WRITER},
    responses=_WRITE,
)
async def roll_back_config(service: Serves, call: Asks) -> Response[ConfigResponse]:
    """Make an older version the live one. No version is added."""
    return await documents.roll_back(service, call, CONFIG)


@get(TENANT + "/rules", tags=["Rules"], opt=_VIEWER | {HEADERS: _READER}, responses=_READ_DOCUMENT)
async def get_rules(service: Serves, call: Asks) -> Response[RulesResponse]:
    """Answer the live rules, with their etag; 304 to who sends that etag in If-None-Match."""
    return await documents.get(service, call, RULES)


@put(TENANT + "/rules", tags=["Rules"], opt=_OPERATOR | {BODY: _RULES, HEADERS: _WRITER}, responses=_WRITE)
async def put_rules(service: Serves, call: Asks) -> Response[RulesResponse]:
    """Publish rules: the whole document. X-Change-Comment says why; If-Match guards against others' changes."""
    return await documents.put(service, call, RULES)


@get(TENANT + "/rules/versions", tags=["Rules"], opt=_VIEWER | {QUERY: VersionsQuery}, responses=_READ)
async def list_rules_versions(service: Serves, call: Asks, limit: FromQuery[str | None] = None) -> VersionsResponse:
    """List the versions of the rules, newest first."""
    return await documents.versions(service, call, RULES, limit)


@get(TENANT + "/rules/versions/{etag:str}", tags=["Rules"], opt=_VIEWER | {HEADERS: _READER}, responses=_READ_DOCUMENT)
async def get_rules_version(service: Serves, call: Asks, etag: FromPath[str]) -> Response[RulesResponse]:
    """Answer one version of the rules."""
    return await documents.version(service, call, RULES, etag)


@get(TENANT + "/rules/versions/{etag:str}/diff", tags=["Rules"], opt=_VIEWER, responses=_READ)
async def compare_rules_version(
    service: Serves, call: Asks, etag: FromPath[str], before: FromQuery[str | None] = None
) -> DifferenceResponse:
    """Say what leads to this version from the live one, or from the version `before`."""
    return await documents.difference(service, call, RULES, etag, before)


@post(
    TENANT + "/rules/rollback",
    status_code=200,
    tags=["Rules"],
    opt=_OPERATOR | {BODY: RollbackRequest, HEADERS: _WRITER},
    responses=_WRITE,
)
async def roll_back_rules(service: Serves, call: Asks) -> Response[RulesResponse]:
    """Make an older version the live one. No version is added."""
    return await documents.roll_back(service, call, RULES)


@post(
    TENANT + "/cache/invalidate",
    status_code=200,
    tags=["Operations"],
    opt=_OPERATOR | {BODY: InvalidateRequest},
    responses=_WRITE,
)
async def invalidate_route(service: Serves, call: Asks) -> InvalidateResponse:
    """Read documents or signals again now, on every host; answered when this worker has."""
    return await caches.invalidate(service, call)


@post(
    TENANT + "/preview",
    status_code=200,
    tags=["Operations"],
    opt=_OPERATOR | {BODY: PreviewRequest},
    responses=_WRITE,
)
async def preview_route(service: Serves, call: Asks) -> PreviewResponse:
    """Say what a draft of config or rules would change for these requests. Nothing is stored, nothing is logged."""
    return await preview.run(service, call)


@delete(
    TENANT + "/users/{user_id:str}",
    status_code=200,
    tags=["Operations"],
    opt=_OPERATOR | {QUERY: EraseQuery},
    responses=_READ,
)
async def erase_user(
    service: Serves,
    call: Asks,
    user_id: FromPath[str],
    anonymous_id: FromQuery[str | None] = None,
    session_id: FromQuery[str | None] = None,
) -> Receipt:
    """Erase a person's events; the receipt says what was removed and what is not rewritten."""
    return await users.erase(service, call, user_id, {"anonymous_id": anonymous_id, "session_id": session_id})


@get(TENANT + "/audit", tags=["Operations"], opt=_VIEWER | {QUERY: AuditQuery}, responses=_READ)
async def audit_route(
    service: Serves,
    call: Asks,
    limit: FromQuery[str | None] = None,
    before: FromQuery[str | None] = None,
    before_id: FromQuery[str | None] = None,
) -> AuditResponse:
    """List who changed what, newest first; the page's `next_` values ask for the following one."""
    return await audit.entries(service, call, {"limit": limit, "before": before, "before_id": before_id})


@get("/v1/schemas/config.json", tags=["Schemas"], responses=refusals())
async def config_schema_route() -> dict[str, Any]:
    """Answer the JSON Schema of a config document."""
    return _config_schema()


@get("/v1/schemas/rules.json", tags=["Schemas"], responses=refusals())
async def rules_schema_route() -> dict[str, Any]:
    """Answer the JSON Schema of a rules document."""
    return _rules_schema()


@cache
def _config_schema() -> dict[str, Any]:
    return config_document.schema()


@cache
def _rules_schema() -> dict[str, Any]:
    return rules_document.schema()


ADMIN_HANDLERS: list[ControllerRouterHandler] = [
    list_tenants,
    create_tenant,
    get_tenant,
    change_tenant,
    list_keys,
    create_key,
    revoke_key,
    get_config,
    put_config,
    list_config_versions,
    get_config_version,
    compare_config_version,
    roll_back_config,
    get_rules,
    put_rules,
    list_rules_versions,
    get_rules_version,
    compare_rules_version,
    roll_back_rules,
    invalidate_route,
    preview_route,
    erase_user,
    audit_route,
    config_schema_route,
    rules_schema_route,
]
