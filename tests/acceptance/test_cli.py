"""The command line as a person meets it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from recsys import __version__, cli
from recsys.cli.reference import commands

RECSYS = str(Path(sys.executable).with_name("recsys"))


ALL = dict(commands())


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run recsys to its end."""
    return subprocess.run([RECSYS, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_help_lists_every_command_with_what_it_does() -> None:
    """`recsys --help` names each command with a sentence of its own."""
    done = run("--help")
    assert done.returncode == 0
    for name in cli.COMMANDS:
        line = next(line for line in done.stdout.splitlines() if line.startswith(f"│ {name} "))
        assert len(line.strip("│ ").split()) > 2, line


@pytest.mark.parametrize("path", [pytest.param(path, id=" ".join(path)) for path in ALL if path])
def test_every_command_explains_itself_and_its_variables(path: tuple[str, ...]) -> None:
    """Each command has a help text, each option says what it is for, and the page says which variables are read."""
    command = ALL[path]
    assert command.help, path
    for option in command.params:
        if option.param_type_name == "option":
            assert option.help, f"{' '.join(path)} {option.name}"
    assert "DATABASE_URL" in (command.epilog or ""), path


def test_a_misspelt_command_is_wrong_usage() -> None:
    """An unknown command or option ends with exit code 2 and changes nothing."""
    assert run("recomend").returncode == 2
    assert run("settings", "--jason").returncode == 2


def test_version() -> None:
    """`--version` prints the version and nothing else."""
    assert run("--version").stdout == f"recsys {__version__}\n"


def test_a_wrong_setting_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that can not be used ends any command with its name, before anything is touched."""
    monkeypatch.setenv("RECSYS_DB_POOL_SIZE", "many")
    done = run("tenants", "list")
    assert done.returncode == 1
    assert "RECSYS_DB_POOL_SIZE" in done.stderr
    assert "Traceback" not in done.stderr
