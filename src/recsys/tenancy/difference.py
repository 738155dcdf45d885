"""What changed between two documents: as JSON Patch (RFC 6902) for programs, as lines for people (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import SequenceMatcher, unified_diff
from typing import Any

Operation = dict[str, Any]


def json_patch(before: Any, after: Any, path: str = "") -> list[Operation]:
    """List the operations that make *after* of *before*; none where they are equal."""
    return list(_operations(before, after, path))


def changed_lines(before: Any, after: Any) -> list[str]:
    """List the unified diff of both documents, keys sorted, two spaces an indent; nothing where they are equal."""
    return list(unified_diff(_lines(before), _lines(after), "before", "after", lineterm=""))


def _operations(before: Any, after: Any, path: str) -> Iterator[Operation]:
    if _same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _in_object(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _in_array(before, after, path)
    else:
        yield {"op": "replace", "path": path, "value": after}


def _in_object(before: dict[str, Any], after: dict[str, Any], path: str) -> Iterator[Operation]:
    for key, value in before.items():
        inner = f"{path}/{_escaped(key)}"
        if key in after:
            yield from _operations(value, after[key], inner)
        else:
            yield {"op": "remove", "path": inner}
    for key, value in after.items():
        if key not in before:
            yield {"op": "add", "path": f"{path}/{_escaped(key)}", "value": value}


def _in_array(before: list[Any], after: list[Any], path: str) -> Iterator[Operation]:
    """Walk along the longest common runs; indices are those of the array as the operations before have left it."""
    matcher = SequenceMatcher(None, [_spelled(item) for item in before], [_spelled(item) for item in after], False)
    shift = 0
    for _, start, end, new_start, new_end in matcher.get_opcodes():
        both = min(end - start, new_end - new_start)
        for step in range(both):
            yield from _operations(before[start + step], after[new_start + step], f"{path}/{start + step + shift}")
        for _ in range(start + both, end):
            yield {"op": "remove", "path": f"{path}/{start + both + shift}"}
        for place in range(new_start + both, new_end):
            yield {
                "op": "add",
                "path": f"{path}/{start + both + shift + place - new_start - both}",
                "value": after[place],
            }
        shift += (new_end - new_start) - (end - start)


def _same(before: Any, after: Any) -> bool:
    """Compare as JSON does: true is not 1."""
    return _spelled(before) == _spelled(after)


def _spelled(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _lines(value: Any) -> list[str]:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).splitlines()


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
