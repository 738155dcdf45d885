"""What a supervisor says, and what its starter makes of it."""

from __future__ import annotations

import pytest

from recsys.db.embedded import word
from recsys.errors import EmbeddedServerError


def test_sentences_are_handed_on_once_until_the_server_is_ready() -> None:
    """The same reason, said at every try, reaches the person once; nothing after `ready` is waited for."""
    told: list[str] = []
    lines = iter([word.said("why"), word.said("why"), word.said("how"), word.READY, "never read"])
    assert word.relay(lines, told.append)
    assert told == ["why", "how"]
    assert list(lines) == ["never read"]


def test_a_failure_is_raised_in_the_words_of_the_supervisor() -> None:
    """The error of the supervisor's process is the error of the command."""
    with pytest.raises(EmbeddedServerError, match=r"^no room\nleft$"):
        word.relay([word.failed("no room\nleft")], print)


def test_an_end_without_a_word_is_not_ready() -> None:
    """A supervisor that was killed says nothing more."""
    assert not word.relay([word.said("starting")], lambda _: None)
