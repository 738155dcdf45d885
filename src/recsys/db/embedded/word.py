"""What a supervisor says to the process that started it: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from recsys.errors import EmbeddedServerError

READY = json.dumps({"ready": True})


def said(text: str) -> str:
    """Say something on the way."""
    return json.dumps({"said": text})


def failed(text: str) -> str:
    """Say that there will be no server, and why."""
    return json.dumps({"failed": text})


def relay(lines: Iterable[str], tell: Callable[[str], None]) -> bool:
    """Hand on what a supervisor says until its server is ready: True; False when it ends before.

    EmbeddedServerError with its words when it failed.
    """
    heard = ""
    for line in lines:
        match json.loads(line):
            case {"ready": True}:
                return True
            case {"failed": text}:
                raise EmbeddedServerError(text)
            case {"said": text} if text != heard:
                heard = text
                tell(text)
    return False
