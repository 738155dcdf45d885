"""What compose.yaml and the Dockerfile say is accepted by whoever reads it, as far as that shows without an engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from recsys.settings import Settings, variables

ROOT = Path(__file__).parents[3]
KEYS = {
    "image": str,
    "build": str,
    "container_name": str,
    "environment": dict,
    "volumes": list,
    "ports": list,
    "shm_size": str,
    "healthcheck": dict,
    "entrypoint": list,
    "command": list,
    "depends_on": dict,
    "init": bool,
    "stop_grace_period": str,
    "restart": str,
}
"""What a service of the compose specification may say, as far as ours say it."""
OF_THE_IMAGE = {"POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD"}
KNOWN = {variable.name: variable for _, variable in variables()}


def test_services_say_what_the_specification_knows(compose: Any) -> None:
    """Keys and their types are the specification's; ports are bound to this machine only; volumes are declared."""
    assert set(compose.document) == {"x-logins", "services", "volumes"}
    for name, service in compose.services.items():
        for key, value in service.items():
            assert isinstance(value, KEYS[key]), f"{name}.{key}"
        assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(compose.document["volumes"])
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        assert all(isinstance(value, str) for value in service["environment"].values()), name


def test_every_variable_is_a_setting(compose: Any, dockerfile: Any) -> None:
    """What is set is what recsys reads, and recsys takes each value; the rest is the database image's and Python's."""
    for name, service in compose.services.items():
        for variable, value in service["environment"].items():
            if name != "recsys-db":
                KNOWN[variable].kind.read(value)
            else:
                assert variable in OF_THE_IMAGE
    for variable, value in dockerfile["variables"].items():
        if variable not in {"PATH", "PYTHONUNBUFFERED"}:
            KNOWN[variable].kind.read(value)


def test_nothing_waits_for_a_condition_that_can_not_come(compose: Any, dockerfile: Any) -> None:
    """A service that others wait for is there; where they wait for its health it has a check, for its end it ends."""
    for service in compose.services.values():
        for name, wait in service.get("depends_on", {}).items():
            if wait["condition"] == "service_healthy":
                assert compose.services[name]["healthcheck"]["test"][0] == "CMD"
            else:
                assert wait["condition"] == "service_completed_successfully"
                assert compose.services[name]["restart"].startswith("on-failure")
    assert "/readyz" in dockerfile["health"][-1]


def test_no_password_is_written_down_and_none_is_optional() -> None:
    """Without its variables the file is refused, naming one of them and where to look."""
    from_nothing = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    secrets = [
        value
        for service in from_nothing["services"].values()
        for variable, value in service["environment"].items()
        if "PASSWORD" in variable or "SECRET" in variable or "DATABASE_URL" in variable
    ]
    assert len(secrets) == 7
    assert all(":?see the head of compose.yaml}" in value for value in secrets)


def test_the_service_never_knows_the_superuser(compose: Any) -> None:
    """Only the step `migrate` holds the superuser's password; the service is told of the two logins."""
    told = compose.services["recsys"]["environment"]
    password = compose.services["recsys-db"]["environment"]["POSTGRES_PASSWORD"]
    assert password not in " ".join(told.values())
    assert password in compose.services["migrate"]["environment"]["RECSYS_SUPERUSER_DATABASE_URL"]
    settings = Settings.from_environment(told)
    assert "recsys_app:" in (settings.database_url or "")
    assert "recsys_admin:" in (settings.owner_database_url or "")
    assert not settings.development


def test_the_spool_outlives_the_container(compose: Any, dockerfile: Any) -> None:
    """The data folder of the image is a named volume of the service."""
    assert f"recsys-data:{dockerfile['variables']['RECSYS_DATA_DIR']}" in compose.services["recsys"]["volumes"]


def test_the_image_is_small_in_rights(dockerfile: Any) -> None:
    """It has two stages, runs as somebody who is not root, and says how it is seen to be well."""
    words = [word for word, _ in dockerfile["instructions"]]
    last = dict(dockerfile["instructions"][len(words) - 1 - words[::-1].index("FROM") :])
    assert words.count("FROM") == 2
    assert last["USER"] not in {"root", "0"}
    assert {"HEALTHCHECK", "ENTRYPOINT", "CMD", "EXPOSE", "VOLUME"} <= set(last)


def test_everything_that_is_installed_is_locked(dockerfile: Any) -> None:
    """Each pip install demands hashes, but for our own wheel, which reaches no index."""
    installs = [
        rest for word, rest in dockerfile["instructions"] if word == "RUN" and " install " in rest and "pip" in rest
    ]
    assert len(installs) == 3
    for command in installs:
        assert "--require-hashes -r requirements" in command or "--no-deps --no-index dist/*.whl" in command


@pytest.mark.parametrize(
    "name", ["pyproject.toml", "README.md", "LICENSE", "requirements.lock", "requirements-build.lock", "src"]
)
def test_what_is_copied_is_there_and_is_sent(dockerfile: Any, name: str) -> None:
    """Each file of a COPY exists and is let through by .dockerignore."""
    copied = " ".join(rest for word, rest in dockerfile["instructions"] if word == "COPY" and "--from" not in rest)
    assert name in copied.split()
    assert (ROOT / name).exists()
    assert f"!{name}" in (ROOT / ".dockerignore").read_text().splitlines()
