"""The map from errors to HTTP."""

from __future__ import annotations

import json

import pytest

from recsys import errors
from recsys.api import problems
from recsys.errors import Problem, RecsysError


def every_error(root: type[RecsysError]) -> list[type[RecsysError]]:
    """List *root* and everything below it."""
    return [root, *(found for below in root.__subclasses__() for found in every_error(below))]


@pytest.mark.parametrize("error", every_error(errors.Refused))
def test_every_refusal_is_a_client_error(error: type[RecsysError]) -> None:
    """Whatever is refused has a status of 4xx of its own or of a class above it; Refused alone is never raised."""
    if error is not errors.Refused:
        made = error("GET") if error is errors.MethodNotAllowed else error()
        assert 400 <= problems.meaning(made).status < 500


@pytest.mark.parametrize("error", every_error(errors.TryLater)[1:])
def test_what_may_be_tried_again_says_when(error: type[errors.TryLater]) -> None:
    """429 and 503 come with Retry-After in whole seconds, rounded up, at least one."""
    assert problems.meaning(error()).status in {429, 503}
    assert dict(problems.headers(error(retry_after=0.1))) == {b"retry-after": b"1"}
    assert dict(problems.headers(error(retry_after=2.5))) == {b"retry-after": b"3"}


def test_internals_are_not_shown() -> None:
    """What an operator or a stack trace would need to know is not in the document; the request id is."""
    for error in (errors.IsolationError("role recsys_app owns everything"), ValueError("/etc/secret")):
        document = problems.describe(error, instance="/v1/recommend", request_id="r-1")
        assert (document.status, document.code, document.request_id) == (500, "RECSYS_INTERNAL", "r-1")
        assert str(error) not in document.detail


def test_a_database_that_is_away_is_not_described() -> None:
    """DatabaseUnavailable is 503 with Retry-After, and its message, which may name a host, stays here."""
    error = errors.DatabaseUnavailable("connection to db.internal:5432 failed")
    document = problems.describe(error, instance="/", request_id="r")
    assert (document.status, document.code) == (503, "RECSYS_UNAVAILABLE")
    assert "db.internal" not in document.detail
    assert (b"retry-after", b"1") in problems.headers(error)


def test_the_document_lists_what_is_wrong() -> None:
    """A body that failed validation is described by path and message, beside type, title, status and code."""
    error = errors.InvalidRequest([Problem("$.k", "Expected `int`, got `str`")])
    assert json.loads(problems.encode(problems.describe(error, instance="/v1/recommend", request_id="r"))) == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "$.k: Expected `int`, got `str`",
        "instance": "/v1/recommend",
        "code": "RECSYS_INVALID_REQUEST",
        "request_id": "r",
        "errors": [{"path": "$.k", "message": "Expected `int`, got `str`"}],
    }


def test_a_method_that_is_not_allowed_names_those_that_are() -> None:
    """405 carries Allow."""
    assert problems.headers(errors.MethodNotAllowed("GET, HEAD")) == ((b"allow", b"GET, HEAD"),)


def test_who_is_not_identified_learns_how() -> None:
    """401 carries WWW-Authenticate."""
    assert dict(problems.headers(errors.AuthRequired())) == {b"www-authenticate": b"Bearer"}
