"""The reference page of the HTTP API, made from the OpenAPI document and the routes' roles."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from litestar.handlers import HTTPRouteHandler

from recsys.api.identity import INCLUDES, Role
from recsys.api.openapi import NEEDS, REQUIRES, document
from recsys.api.problems import INTERNAL, MEANINGS
from recsys.api.route import Need
from recsys.api.routes import DEPENDENCIES, HANDLERS

_METHODS = ("get", "post", "put", "patch", "delete")
_TENANT_HEADER = "X-Org-Id"


class Operation(NamedTuple):
    """One route with one method."""

    method: str
    path: str
    described: dict[str, Any]

    @property
    def name(self) -> str:
        """Name it as its heading does."""
        return f"{self.method.upper()} {self.path}"


def reference() -> str:
    """Write the page: who may call what, then each route with its parameters, body and answers."""
    described = document(HANDLERS, DEPENDENCIES)
    operations = sorted(_operations(described), key=_place)
    lines = ["## Who may call what", "", *_roles_table(operations), "", "## Refusals", "", *_codes()]
    for tag in dict.fromkeys(operation.described["tags"][0] for operation in operations):
        lines += ["", f"## {tag}"]
        for operation in operations:
            if operation.described["tags"][0] == tag:
                lines += ["", *_section(operation)]
    return "\n".join([*lines, "", "## Objects", *_objects(described), ""])


def _place(operation: Operation) -> tuple[int, str, int]:
    """Order operations by the place of their tag among the routes, then by path: several paths of one have no order."""
    tags = list(
        dict.fromkeys(tag for handler in cast("list[HTTPRouteHandler]", HANDLERS) for tag in handler.tags or ())
    )
    return tags.index(operation.described["tags"][0]), operation.path, _METHODS.index(operation.method)


def roles() -> dict[tuple[str, str], tuple[Role, ...]]:
    """Map (method, path) to the roles of which a caller needs one; none where everybody may call."""
    found: dict[tuple[str, str], tuple[Role, ...]] = {}
    for handler in cast("list[HTTPRouteHandler]", HANDLERS):
        for path in handler.paths:
            for method in handler.http_methods:
                found[str(method), path.replace(":str", "")] = handler.opt.get(REQUIRES, ())
    return found


def _operations(described: dict[str, Any]) -> Iterator[Operation]:
    for path, item in described["paths"].items():
        for method in _METHODS:
            if method in item:
                yield Operation(method, path, item[method])


def _roles_table(operations: list[Operation]) -> Iterator[str]:
    yield "| route | " + " | ".join((*Role, "installation")) + " |"
    yield "| --- " * (len(Role) + 2) + "|"
    required, alone = roles(), closed_to_tenants()
    for operation in operations:
        needed = required[operation.method.upper(), operation.path]
        closed = (operation.method.upper(), operation.path) in alone
        marks = ["" if INCLUDES[role].isdisjoint(needed) else "yes" + "¹" * closed for role in Role]
        row = " | ".join([*marks, "yes"]) if needed else " | ".join(["open"] * (len(Role) + 1))
        yield f"| `{operation.name}` | {row} |"
    yield ""
    yield "¹ While the installation has no keys of its own (`RECSYS_INSTALLATION_KEYS`)."


def closed_to_tenants() -> set[tuple[str, str]]:
    """List (method, path) of the routes that are closed to tenants' own credentials where the installation has keys."""
    return {
        (str(method), path)
        for handler in cast("list[HTTPRouteHandler]", HANDLERS)
        if handler.opt.get(NEEDS) is Need.INSTALLATION
        for path in handler.paths
        for method in handler.http_methods
    }


def _codes() -> Iterator[str]:
    meanings = sorted({*MEANINGS.values(), INTERNAL})
    yield "| status | codes |"
    yield "| --- | --- |"
    for status in dict.fromkeys(meaning.status for meaning in meanings):
        yield f"| {status} | {', '.join(f'`{one.code}`' for one in meanings if one.status == status)} |"


def _section(operation: Operation) -> Iterator[str]:
    described = operation.described
    yield f"### {operation.name}"
    yield ""
    yield described.get("description") or described["summary"]
    parameters = [one for one in described.get("parameters", []) if one["name"] != _TENANT_HEADER]
    if parameters:
        yield ""
        yield "| parameter | in | takes | meaning |"
        yield "| --- | --- | --- | --- |"
        for one in parameters:
            yield f"| `{one['name']}` | {one['in']} | {_kind(one['schema'])} | {one.get('description', '')} |"
    if "requestBody" in described:
        schema = described["requestBody"]["content"]["application/json"]["schema"]
        yield ""
        yield f"Body: {_kind(schema)}. {schema.get('description', '')}".rstrip()
    yield ""
    answers = sorted(described["responses"].items())
    yield from (f"- {status}: {_answer(answer)}" for status, answer in answers if "problem" not in str(answer))
    yield f"- refused with {', '.join(status for status, answer in answers if 'problem' in str(answer))}"


def _answer(answer: dict[str, Any]) -> str:
    content = answer.get("content", {}).get("application/json")
    if content is None or "schema" not in content:
        return str(answer["description"])
    return _kind(content["schema"])


def _objects(described: dict[str, Any]) -> Iterator[str]:
    for name, schema in sorted(described["components"]["schemas"].items()):
        if "properties" in schema or "enum" in schema:
            yield from ("", f"### {name}", "", schema.get("description", ""), "")
            yield from _fields(schema) if "properties" in schema else (f"One of {_kind(schema)}.",)


def _fields(schema: dict[str, Any]) -> Iterator[str]:
    yield "| field | takes | default |"
    yield "| --- | --- | --- |"
    for field, value in schema["properties"].items():
        default = "required" if field in schema.get("required", ()) else _default(value)
        yield f"| `{field}` | {_kind(value)} | {default} |"


def _default(value: dict[str, Any]) -> str:
    return f"`{json.dumps(value['default'])}`" if value.get("default") is not None else ""


def _kind(schema: dict[str, Any]) -> str:
    """Say in words what a value may be; that a field may be null is said once, above the page."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    for several in ("anyOf", "oneOf"):
        if several in schema:
            kinds = (_kind(one) for one in schema[several] if one.get("type") != "null")
            return ", or ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    return _sized(schema)


def _sized(schema: dict[str, Any]) -> str:
    words = schema.get("type", "anything")
    if isinstance(words, list):
        return " or ".join(word for word in words if word != "null")
    if words == "array":
        return f"list of {_kind(schema.get('items') or {})}{_bounds(schema, 'Items')}"
    if words == "object":
        inner = schema.get("additionalProperties")
        return f"object of {_kind(inner)}" if isinstance(inner, dict) and inner else "object"
    named = {"string": schema.get("format", "text"), "integer": "whole number"}
    what = {"string": "Length"}.get(words, "imum")
    return str(named.get(words, words)) + _bounds(schema, what)


def _bounds(schema: dict[str, Any], what: str) -> str:
    low, high = schema.get(f"min{what}"), schema.get(f"max{what}")
    if high is None:
        return "" if low is None else f", from {low:g}"
    return f", at most {high:g}" if low is None else f", {low:g} to {high:g}"


if __name__ == "__main__":
    sys.stdout.write(reference())
