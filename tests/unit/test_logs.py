"""What a log line says, and what it never says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from recsys import logs
from recsys.settings import Settings

_PERSON = "ada@example.org"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_holds_no_values(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A failure is logged with its place and its message, but not with the person whose request failed."""
    logs.configure(Settings(log_format=log_format))

    def fail(person: str) -> None:
        raise ValueError(f"it broke after {len(person)} characters")

    try:
        fail(_PERSON)
    except ValueError as error:
        structlog.get_logger().error("failed", exc_info=error)
    written = capsys.readouterr().err
    assert "it broke after 15 characters" in written
    assert "test_logs.py" in written
    assert _PERSON not in written
