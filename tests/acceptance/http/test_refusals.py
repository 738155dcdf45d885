"""What is refused, and how: one shape for every error."""

from __future__ import annotations

import json
import socket
from typing import Any

import httpx
import psycopg
import pytest

JSON = {"Content-Type": "application/json"}


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that *answer* is a problem document with this status and code, and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["code"] == code
    assert document["status"] == status
    assert document["request_id"] == answer.headers["x-request-id"]
    assert document["title"]
    assert document["detail"]
    assert document["type"] == "about:blank"
    return document


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"",
        b"[]",
        b'{"surface":"home"',
        b'{"surface":"home"} trailing',
        b'{"surface":"home","unknown":1}',
        b'{"surface":"home","k":0}',
        b'{"surface":"home","k":201}',
        b'{"surface":"home","k":"20"}',
        b'{"surface":"home","k":20.5}',
        b'{"surface":"a/b"}',
        b'{"surface":".."}',
        b'{"k":5}',
        b'{"surface":"\xff\xfe"}',
        b'{"surface":"home","anchors":{"item_ids":[null]}}',
        b'{"surface":"home","anchors":{"item_ids":["a\\u0000"]}}',
        b'{"surface":"home","user":{"user_id":"a\\u0000"}}',
        b'{"surface":"home","weights":{"pop":0,"cooc":0,"emb":0,"session":0}}',
        b'{"surface":"home","context":{"now":"0001-01-01T00:00:00+14:00"}}',
        b'{"surface":"home","options":{"explain":"full"},"k":51}',
        b"[" * 200_000,
        b'{"surface":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
    ],
)
@pytest.mark.parametrize("path", ["/v1/recommend", "/v1/recommend/validate", "/v1/recommend/"])
def test_a_wrong_body_is_a_bad_request(client: httpx.Client, path: str, body: bytes) -> None:
    """Whatever is wrong with the body of a recommendation is 400, wherever it is sent."""
    problem(client.post(path, content=body, headers=JSON), 400, "RECSYS_INVALID_REQUEST")


def test_a_refusal_lists_path_and_message(client: httpx.Client) -> None:
    """`errors` leads to the wrong field."""
    document = problem(client.post("/v1/recommend", json={"surface": "home", "k": 0}), 400, "RECSYS_INVALID_REQUEST")
    assert document["errors"] == [{"path": "$.k", "message": "Expected `int` >= 1"}]


def test_an_unknown_tenant_is_not_found(client: httpx.Client) -> None:
    """A name that no tenant has is 404, never an empty 200."""
    for name in ("nobody", "00000000-0000-7000-8000-000000000000", "x" * 2000, "\u00e9"):
        answer = client.post("/v1/recommend", json={"surface": "home"}, headers={"X-Org-Id": name.encode()})
        problem(answer, 404, "RECSYS_TENANT_NOT_FOUND")


def test_a_request_for_nobody_is_refused(client: httpx.Client) -> None:
    """Where nothing names a tenant, that is the answer, also on routes that Litestar serves."""
    del client.headers["X-Org-Id"]
    for path in ("/v1/recommend", "/v1/similar", "/v1/recommend/validate", "/v1/interactions"):
        problem(client.post(path, json={"surface": "home"}), 403, "RECSYS_TENANT_SCOPE_REQUIRED")


def test_names_that_disagree_are_refused(client: httpx.Client, database: psycopg.Connection) -> None:
    """Two headers that name different tenants are 403, whether the other exists or not; two names of one agree."""
    database.execute("insert into tenants (external_id, name) values ('somebody-else', 'x') on conflict do nothing")
    for other in ("somebody-else", "nobody"):
        for headers in ({"X-Dev-Org-Id": other}, {"X-Org-Id": other, "X-Dev-Org-Id": client.headers["X-Org-Id"]}):
            answer = client.post("/v1/recommend", json={"surface": "home"}, headers=headers)
            problem(answer, 403, "RECSYS_TENANT_SCOPE_MISMATCH")
    twice = [
        ("X-Org-Id", client.headers["X-Org-Id"]),
        ("X-Org-Id", "somebody-else"),
        ("Content-Type", "application/json"),
    ]
    answer = httpx.post(
        f"{client.base_url}/v1/recommend", content=b'{"surface":"home"}', headers=twice, trust_env=False
    )
    problem(answer, 403, "RECSYS_TENANT_SCOPE_MISMATCH")


def test_a_uuid_and_an_external_id_may_mean_one_tenant(client: httpx.Client, database: psycopg.Connection) -> None:
    """A tenant is named by its UUID too, in any case."""
    row = database.execute("select id from tenants where external_id = %s", (client.headers["X-Org-Id"],)).fetchone()
    assert row is not None
    for headers in ({"X-Org-Id": str(row[0]).upper()}, {"X-Dev-Org-Id": str(row[0])}):
        answer = client.post("/v1/recommend", json={"surface": "home"}, headers=headers)
        assert answer.json()["meta"]["tenant_id"] == client.headers["X-Org-Id"]


@pytest.mark.parametrize(
    ("status", "refusal"),
    [("suspended", (403, "RECSYS_TENANT_SUSPENDED")), ("deleted", (404, "RECSYS_TENANT_NOT_FOUND"))],
)
def test_a_tenant_that_is_not_active_is_refused(
    client: httpx.Client, database: psycopg.Connection, status: str, refusal: tuple[int, str]
) -> None:
    """A suspended tenant is told so, a deleted one is not there."""
    database.execute("update tenants set status = %s where external_id = %s", (status, client.headers["X-Org-Id"]))
    problem(client.post("/v1/recommend", json={"surface": "home"}), *refusal)


def test_a_role_that_is_missing_is_named(client: httpx.Client) -> None:
    """A viewer may not recommend, and who only serves may not write items or explain in full."""
    viewer, server = {"X-Dev-Roles": "viewer"}, {"X-Dev-Roles": "serve"}
    problem(client.post("/v1/recommend", json={"surface": "home"}, headers=viewer), 403, "RECSYS_FORBIDDEN")
    items = {"namespace": "default", "items": [{"item_id": "a", "tags": []}]}
    problem(client.put("/v1/items", json=items, headers=server), 403, "RECSYS_FORBIDDEN")
    full = {"surface": "home", "options": {"explain": "full"}}
    problem(client.post("/v1/recommend", json=full, headers=server), 403, "RECSYS_FORBIDDEN")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", None])
@pytest.mark.parametrize("path", ["/v1/recommend", "/v1/interactions"])
def test_only_json_is_understood(client: httpx.Client, path: str, media_type: str | None) -> None:
    """Any other media type, and none, is 415."""
    headers = {"Content-Type": media_type} if media_type else {}
    answer = client.post(path, content=b'{"surface":"home"}', headers=headers)
    problem(answer, 415, "RECSYS_UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("path", ["/v1/recommend", "/v1/interactions"])
def test_a_body_that_is_too_large_is_refused(client: httpx.Client, path: str) -> None:
    """More than 1 MiB is 413, with a length header and in chunks without one."""
    large = b" " * ((1 << 20) + 1)
    problem(client.post(path, content=large, headers=JSON), 413, "RECSYS_BODY_TOO_LARGE")
    chunks = (b" " * 65_536 for _ in range(40))
    problem(client.post(path, content=chunks, headers=JSON), 413, "RECSYS_BODY_TOO_LARGE")


def test_the_connection_of_a_refused_body_is_of_further_use(client: httpx.Client) -> None:
    """Whoever sends too much, or may not send at all, hears so, and its next request goes the same way."""
    streamed = [b" " * 65_536] * 40
    for _ in range(100):
        problem(client.post("/v1/recommend", content=iter(streamed), headers=JSON), 413, "RECSYS_BODY_TOO_LARGE")
        problem(client.post("/v1/nothing", content=iter(streamed), headers=JSON), 404, "RECSYS_NOT_FOUND")
        assert client.post("/v1/recommend", json={"surface": "home"}).status_code == 200


def test_a_refused_body_that_does_not_come_ends_its_connection(client: httpx.Client, running: Any) -> None:
    """Whoever announces far too much and then stops sending gets its answer all the same, and the last one there."""
    head = (
        f"POST /v1/recommend HTTP/1.1\r\nHost: {running.host}\r\nX-Org-Id: {client.headers['X-Org-Id']}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100000000\r\n\r\n"
    )
    with socket.create_connection((running.host, running.port), timeout=30) as connection:
        connection.sendall(head.encode())
        heard = connection.makefile("rb").read()  # up to the end of the connection
    assert heard.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in heard
    assert heard.endswith(b"}")


def test_a_body_of_the_limit_is_read(client: httpx.Client) -> None:
    """Exactly 1 MiB is read: white space around a small request does not hurt."""
    request = b'{"surface":"home"}'
    padded = request + b" " * ((1 << 20) - len(request))
    assert client.post("/v1/recommend", content=padded, headers=JSON).status_code == 200


@pytest.mark.parametrize("path", ["/nothing", "/v1/nothing", "/v1", "/v1/recommend/x", "/v1/items/%2e%2e"])
def test_an_address_without_a_route_is_not_found(client: httpx.Client, path: str) -> None:
    """Unknown addresses are 404, whoever asks and with whatever method."""
    del client.headers["X-Org-Id"]
    for method in ("GET", "POST", "OPTIONS", "DELETE"):
        problem(client.request(method, client.base_url.join(path)), 404, "RECSYS_NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/recommend", "POST, OPTIONS"),
        ("PUT", "/v1/recommend/validate", "POST, OPTIONS"),
        ("DELETE", "/v1/items", "GET, PUT, HEAD, OPTIONS"),
        ("POST", "/livez", "GET, HEAD, OPTIONS"),
        ("TRACE", "/livez", "GET, HEAD, OPTIONS"),
        ("PURGE", "/livez", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_method_that_is_not_there_is_refused_with_those_that_are(
    client: httpx.Client, method: str, path: str, allow: str
) -> None:
    """405 carries Allow, which names what does work."""
    answer = client.request(method, path)
    problem(answer, 405, "RECSYS_METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == allow


def test_an_error_answers_to_the_request_id_it_was_given(client: httpx.Client) -> None:
    """The caller's own id is echoed in header and document; one that is not printable is replaced."""
    answer = client.post("/v1/recommend", content=b"{", headers=JSON | {"X-Request-Id": "mine-1"})
    assert problem(answer, 400, "RECSYS_INVALID_REQUEST")["request_id"] == "mine-1"
    answer = client.get("/livez", headers={"X-Request-Id": "x" * 129})
    assert answer.headers["x-request-id"] != "x" * 129


def test_a_problem_shows_no_internals(client: httpx.Client) -> None:
    """Neither file names nor class names nor SQL are in what is refused."""
    for answer in (client.post("/v1/recommend", content=b"{", headers=JSON), client.get("/nothing")):
        assert not any(word in json.dumps(answer.json()) for word in ("Traceback", ".py", "msgspec", "psycopg"))
