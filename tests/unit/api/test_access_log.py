"""Which requests have a line in the log."""

from __future__ import annotations

import pytest
import structlog
from structlog.testing import capture_logs

from recsys.api import access_log
from recsys.api.access_log import AccessLog
from recsys.api.call import Answer, Call
from recsys.settings import Settings


@pytest.fixture(autouse=True)
def _every_level() -> None:
    """Let the lines through whatever an earlier test has configured."""
    structlog.reset_defaults()


def call() -> Call:
    """Begin a request."""
    return Call.begin({"method": "POST", "path": "/v1/recommend", "headers": []})


def test_a_flood_of_refusals_is_a_line_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first 503 has its line; those within a second have none and are counted in the next one."""
    log = AccessLog(Settings(access_log_share=1))
    with capture_logs() as lines:
        for _ in range(1000):
            log.note(call(), Answer(503))
        written = [line["event"] for line in lines]
        monkeypatch.setattr(access_log, "TURNED_AWAY_SECONDS", 0.0)
        log.note(call(), Answer(503))
    assert written[0] == "request turned away"
    assert len(written) < 100  # one, and one more for each second that a busy machine takes
    assert sum(line["unwritten_before"] for line in lines) + len(lines) == 1001


def test_other_failures_each_have_their_line() -> None:
    """A 500 is never one of many."""
    log = AccessLog(Settings(access_log_share=0))
    with capture_logs() as lines:
        for _ in range(3):
            log.note(call(), Answer(500))
    assert [line["event"] for line in lines] == ["request failed"] * 3


def test_a_slow_refusal_has_its_line() -> None:
    """A request that was given up after its deadline says how long each stage took."""
    log = AccessLog(Settings(slow_request_seconds=0))
    with capture_logs() as lines:
        log.note(call(), Answer(503))
    assert [line["event"] for line in lines] == ["slow request"]
