"""Settings: read once, wrong values named with their remedy."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from recsys.errors import InvalidSetting
from recsys.settings import Settings, environment, variables


def test_defaults_need_no_environment() -> None:
    """An empty environment gives every default, and the embedded database."""
    settings = Settings.from_environment({})
    assert settings.port == 8000
    assert settings.embedded


def test_an_option_wins_over_the_environment() -> None:
    """What the command line says overrides the variable; an option that was not given does not."""
    settings = Settings.from_environment({"RECSYS_PORT": "9000", "RECSYS_WORKERS": "3"}, port=9100, workers=None)
    assert (settings.port, settings.workers) == (9100, 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RECSYS_PORT", "70000"),
        ("RECSYS_PORT", "x"),
        ("RECSYS_REQUIRE_RLS", "maybe"),
        ("RECSYS_DB_POOLER", "session"),
        ("RECSYS_DB_ROLE_PREFIX", "Not An Identifier"),
        ("RECSYS_RATE_BURST", "nan"),
        ("RECSYS_JWT_ALGORITHMS", "none"),
        ("RECSYS_JWT_ALGORITHMS", ","),
        ("RECSYS_TRUSTED_PROXIES", "10.0.0.0/99"),
    ],
)
def test_a_wrong_value_names_its_variable_and_what_it_takes(name: str, value: str) -> None:
    """A value that can not be used stops the start with the variable's name and what would be taken."""
    takes = next(variable.kind.takes for _, variable in variables() if variable.name == name)
    with pytest.raises(InvalidSetting, match=f"{name}: .* takes {re.escape(takes)}"):
        Settings.from_environment({name: value})


def test_an_alias_is_read() -> None:
    """A variable that deployments set already is accepted under its older name."""
    assert Settings.from_environment({"AUTH_REQUIRED": "false"}).auth_required is False


@pytest.mark.parametrize(
    ("environ", "development"),
    [
        ({}, True),
        ({"RECSYS_HOST": "0.0.0.0"}, False),  # noqa: S104  the case under test
        ({"DATABASE_URL": "postgresql:///x"}, False),
        ({"DATABASE_URL": "postgresql:///x", "RECSYS_DEV_MODE": "1"}, True),
        ({"RECSYS_DEV_MODE": "0"}, False),
    ],
)
def test_development_mode_is_on_only_embedded_on_a_loopback_address(
    environ: dict[str, str], *, development: bool
) -> None:
    """Development headers are believed only where nobody else can send them, or where the operator said so."""
    assert Settings.from_environment(environ).development is development


def test_settings_travel_through_the_environment() -> None:
    """What `environment` spells, `from_environment` reads back."""
    spelled = environment(port=9100, data_dir=Path("/tmp/x y"), dev_mode=True, workers=None)  # noqa: S108  never opened
    settings = Settings.from_environment(spelled)
    assert (settings.port, settings.data_dir, settings.dev_mode) == (9100, Path("/tmp/x y"), True)  # noqa: S108
    everything = {item.name: getattr(Settings(), item.name) for item in fields(Settings)}
    assert Settings.from_environment(environment(**everything)) == Settings()


def test_every_setting_says_what_it_is() -> None:
    """Each variable has a help text that ends as a sentence, and no two share a name."""
    names = [variable.name for _, variable in variables()]
    assert len(set(names)) == len(names)
    assert all(variable.help.endswith(".") for _, variable in variables())
