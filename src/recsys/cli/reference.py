"""The reference page of the command line, made from the commands: `python -m recsys.cli.reference` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

import typer

from recsys.cli import app
from recsys.markdown import code, table


def cli_reference() -> str:
    """Describe every command as Markdown: what it does, how it is called, its options and their variables."""
    return "\n".join(_section(path, command) for path, command in commands() if path)


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """List every command with the words that call it after `recsys`, a group before what is in it."""
    return _below(typer.main.get_command(app))


def _below(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    context = command.context_class(command) if hasattr(command, "list_commands") else None
    for name in command.list_commands(context) if context else ():
        yield from _below(command.get_command(context, name), *path, name)


def _section(path: tuple[str, ...], command: Any) -> str:
    words = " ".join(("recsys", *path))
    parts = [f"{'#' * (len(path) + 1)} {words}", cleandoc(command.help or "").strip()]
    if not hasattr(command, "list_commands"):
        parts.append(f"```\n{_usage(words, command)}\n```")
    options = [_described(one) for one in command.params if one.param_type_name == "option" and one.name != "help"]
    if options:
        parts.append(table(("option", "variable", "default", "meaning"), options).rstrip("\n"))
    return "\n\n".join(parts) + "\n"


def _usage(words: str, command: Any) -> str:
    named = any(one.param_type_name == "option" for one in command.params)
    return " ".join([words, *(["[OPTIONS]"] if named else []), *map(_place, _arguments(command))])


def _arguments(command: Any) -> list[Any]:
    return [one for one in command.params if one.param_type_name == "argument"]


def _place(argument: Any) -> str:
    word = argument.name.upper() + ("..." if argument.nargs == -1 else "")
    return word if argument.required else f"[{word}]"


def _described(option: Any) -> tuple[str, str, str, str]:
    spelled = ", ".join([*option.opts, *option.secondary_opts])
    taken = "" if option.is_flag else f" {option.metavar or option.opts[0].lstrip('-').upper()}"
    variable = option.envvar if isinstance(option.envvar, str) else None
    return code(spelled + taken), code(variable), _default(option), option.help or ""


def _default(option: Any) -> str:
    if option.required:
        return "required"
    value = option.default
    return "" if value is None or value is False or callable(value) or value in ((), []) else code(str(value))


if __name__ == "__main__":
    typer.echo(cli_reference(), nl=False)
