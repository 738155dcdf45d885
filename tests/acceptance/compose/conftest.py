"""What compose.yaml and the Dockerfile say, read as a container engine would, without one."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


class Compose:
    """The file, with its variables filled in."""

    def __init__(self, given: dict[str, str]) -> None:
        text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
        self.document: dict[str, Any] = yaml.safe_load(_VARIABLE.sub(lambda match: _fill(match, given), text))
        self.services: dict[str, Any] = self.document["services"]


def _fill(match: re.Match[str], given: dict[str, str]) -> str:
    name, operator, word = match.groups()
    if operator == "?" and not given.get(name):
        raise KeyError(name, word)
    return given.get(name) or (word if operator == "-" else "")


def instructions() -> list[tuple[str, str]]:
    """Read the Dockerfile as (instruction, argument), lines joined, comments left out."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    return [(word, rest.strip()) for line in lines if line for word, _, rest in [line.partition(" ")]]


def image_variables() -> dict[str, str]:
    """Read what the image sets by ENV."""
    pairs = [pair for word, rest in instructions() if word == "ENV" for pair in shlex.split(rest)]
    return dict(pair.split("=", 1) for pair in pairs)


def health_check() -> list[str]:
    """Read the command of the image's HEALTHCHECK."""
    rest = next(rest for word, rest in instructions() if word == "HEALTHCHECK")
    command: list[str] = json.loads(rest[rest.index("CMD") + len("CMD") :])
    return command


PASSWORDS = {
    name: f"{name.lower()}-of-a-test"
    for name in ("RECSYS_DB_PASSWORD", "RECSYS_APP_PASSWORD", "RECSYS_ADMIN_PASSWORD", "RECSYS_USER_KEY_SECRET")
}


@pytest.fixture(scope="session")
def compose() -> Compose:
    """The file with passwords of the test's own."""
    return Compose(PASSWORDS)


@pytest.fixture(scope="session")
def dockerfile() -> Any:
    """What the Dockerfile says."""
    return {"instructions": instructions(), "variables": image_variables(), "health": health_check()}
