"""What changed between two documents."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from recsys.tenancy.difference import changed_lines, json_patch

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "a", "b/~c"]),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(["a", "b", "/", "~1"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def applied(document: Any, patch: list[dict[str, Any]]) -> Any:
    """Apply a JSON Patch as RFC 6902 says, with a root that can be replaced."""
    root = [copy.deepcopy(document)]
    for operation in patch:
        *above, last = [
            part.replace("~1", "/").replace("~0", "~") for part in ("/0" + operation["path"]).split("/")[1:]
        ]
        target: Any = root
        for part in above:
            target = target[int(part) if isinstance(target, list) else part]
        key: Any = int(last) if isinstance(target, list) else last
        if operation["op"] == "remove":
            del target[key]
        elif operation["op"] == "add" and isinstance(target, list):
            assert key <= len(target)
            target.insert(key, operation["value"])
        else:
            assert (key in target) == (operation["op"] == "replace") or isinstance(target, list)
            target[key] = operation["value"]
    return root[0]


@given(VALUES, VALUES)
def test_the_patch_makes_one_document_of_the_other(before: Any, after: Any) -> None:
    """Applying it gives exactly the second document, true and 1 told apart; equal ones need no operation."""
    patch = json_patch(before, after)
    spelled = json.dumps(after, sort_keys=True)
    assert json.dumps(applied(before, patch), sort_keys=True) == spelled
    assert (patch == []) == (json.dumps(before, sort_keys=True) == spelled)


def test_an_element_that_was_put_in_front_is_one_operation() -> None:
    """The rest of an array is not rewritten because it moved."""
    assert json_patch({"rules": [1, 2, 3]}, {"rules": [0, 1, 2, 3]}) == [{"op": "add", "path": "/rules/0", "value": 0}]


def test_a_change_inside_an_element_is_shown_inside_it() -> None:
    """Elements that only changed are compared, not replaced."""
    before, after = [{"id": "a", "priority": 1}, {"id": "b"}], [{"id": "a", "priority": 2}, {"id": "b"}]
    assert json_patch(before, after) == [{"op": "replace", "path": "/0/priority", "value": 2}]


def test_lines_show_what_went_and_what_came() -> None:
    """People read a unified diff; equal documents have none, whatever the order of their keys."""
    lines = changed_lines({"a": 1, "b": 2}, {"b": 3, "a": 1})
    assert [line for line in lines[2:] if line[0] in "+-"] == ['-  "b": 2', '+  "b": 3']
    assert changed_lines({"a": 1, "b": 2}, {"b": 2, "a": 1}) == []
