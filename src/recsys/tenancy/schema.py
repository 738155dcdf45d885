"""The published JSON Schema of a document, and its reference page: both made from the types that check it (pure)."""

from __future__ import annotations

import json
from inspect import cleandoc
from typing import Any

import msgspec

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def published(title: str, kind: Any) -> Schema:
    """Return the JSON Schema (2020-12) of *kind*, a type; every key that may be left out may be null, too."""
    found = msgspec.json.schema(kind)
    for definition in found.get("$defs", {}).values():
        _allow_null(definition)
    return {"$schema": DIALECT, "title": title, **found}


def tables(schema: Schema) -> str:
    """Describe the objects of a schema as Markdown: a heading and a table each, the whole document first."""
    definitions = schema["$defs"]
    whole = next(name for name in definitions if name.endswith("Document"))
    names = [whole, *(name for name in definitions if name != whole)]
    return "\n".join(_section(name, definitions[name]) for name in names)


def _allow_null(definition: Schema) -> None:
    properties = definition.get("properties", {})
    for key in properties.keys() - set(definition["required"]):
        properties[key] = _nullable(properties[key])


def _nullable(value: Schema) -> Schema:
    if "anyOf" in value:
        return value if {"type": "null"} in value["anyOf"] else value | {"anyOf": [*value["anyOf"], {"type": "null"}]}
    if "enum" in value:
        return value | {"enum": [*value["enum"], None]}
    if "$ref" in value:
        rest = {key: item for key, item in value.items() if key != "$ref"}
        return {"anyOf": [{"$ref": value["$ref"]}, {"type": "null"}], **rest}
    return value | {"type": [value["type"], "null"]}


def _section(name: str, definition: Schema) -> str:
    rows = [_row(key, value, key in definition["required"]) for key, value in definition["properties"].items()]
    lines = [f"## {name}", "", cleandoc(definition.get("description", "")), "", "| key | value | default | meaning |"]
    return "\n".join([*lines, "|---|---|---|---|", *rows, ""])


def _row(key: str, value: Schema, required: bool) -> str:
    default = "required" if required else _default(value)
    return f"| `{key}` | {_kind(value)} | {default} | {value.get('description', '')} |"


def _default(value: Schema) -> str:
    """Write a default; that of a section stands in the section's own table."""
    default = value.get("default")
    return "see there" if default and isinstance(default, dict) else f"`{json.dumps(default)}`"


def _kind(value: Schema) -> str:
    """Say in words what a value may be; that it may be null is said once, above all tables."""
    if "anyOf" in value:
        return _kind(next(one for one in value["anyOf"] if one != {"type": "null"}))
    if "$ref" in value:
        name = value["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "enum" in value:
        return ", ".join(f"`{word}`" for word in value["enum"] if word is not None)
    words = value["type"] if isinstance(value["type"], list) else [value["type"]]
    return _sized(value, next(word for word in words if word != "null"))


def _sized(value: Schema, word: str) -> str:
    match word:
        case "object":
            return f"object of {_kind(value['additionalProperties'])}"
        case "array":
            return f"array of {_kind(value['items'])}"
        case "string":
            most = value.get("maxLength")
            return f"text, at most {most}" if most else "text"
        case "number" | "integer":
            noun = "number" if word == "number" else "whole number"
            return f"{noun}, {value['minimum']:.15g} to {value['maximum']:.15g}"
        case _:
            return word
