"""What a client may do to a connection."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from conftest import Running, Tenant


def raw(method: str, path: str, body: bytes, *headers: str) -> bytes:
    """Write one request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def read_answers(connection: socket.socket, wanted: int) -> list[tuple[int, dict[str, str], bytes]]:
    """Read *wanted* answers with Content-Length off a connection."""
    answers, data = [], b""
    while len(answers) < wanted:
        head, separator, rest = data.partition(b"\r\n\r\n")
        if separator:
            status, *lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            length = int(headers.get("content-length", 0))
            if len(rest) >= length:
                answers.append((int(status.split()[1]), headers, rest[:length]))
                data = rest[length:]
                continue
        received = connection.recv(65536)
        assert received, "the connection was closed"
        data += received
    return answers


def test_pipelined_requests_are_answered_in_order(running: Running, seeded: Tenant) -> None:
    """Twenty requests written at once on one connection get twenty answers, each with its own request id, in order."""
    requests = b"".join(
        raw(
            "POST",
            "/v1/recommend",
            json.dumps({"surface": "home", "k": number}).encode(),
            "Content-Type: application/json",
            f"X-Org-Id: {seeded.external_id}",
            f"X-Request-Id: pipelined-{number}",
        )
        for number in range(1, 21)
    )
    with socket.create_connection((running.host, running.port), timeout=30) as connection:
        connection.sendall(requests)
        answers = read_answers(connection, 20)
    for number, (status, headers, body) in enumerate(answers, start=1):
        assert (status, headers["x-request-id"]) == (200, f"pipelined-{number}")
        assert len(json.loads(body)["items"]) == number


def test_concurrent_requests_do_not_mix(client: httpx.Client, seeded: Tenant) -> None:
    """Two hundred requests from eight clients at once are each answered with their own k, id and tenant."""

    def ask(number: int) -> None:
        answer = client.post(
            "/v1/recommend",
            json={"surface": "home", "k": number % 20 + 1, "user": {"user_id": f"u{number}"}},
            headers={"X-Request-Id": f"concurrent-{number}"},
        )
        assert answer.status_code == 200, answer.text
        meta = answer.json()["meta"]
        assert (meta["request_id"], meta["tenant_id"]) == (f"concurrent-{number}", seeded.external_id)
        assert len(answer.json()["items"]) == number % 20 + 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(200)))


def test_a_body_in_pieces_is_put_together(client: httpx.Client, seeded: Tenant) -> None:
    """A chunked body is read to its end, however it is cut."""
    body = json.dumps({"surface": "home", "k": 3}).encode()
    pieces = (body[place : place + 1] for place in range(len(body)))
    answer = client.post("/v1/recommend", content=pieces, headers={"Content-Type": "application/json"})
    assert len(answer.json()["items"]) == 3
    assert answer.json()["meta"]["tenant_id"] == seeded.external_id


@pytest.mark.parametrize("path", ["/v1/recommend", "/v1/interactions"])
def test_a_client_that_goes_away_hurts_nobody(running: Running, client: httpx.Client, path: str) -> None:
    """A connection that is closed in the middle of its body leaves no trace in the log, and the next one is served."""
    before = running.log.read_text().count("error")
    for _ in range(20):
        with socket.create_connection((running.host, running.port), timeout=30) as connection:
            headers = ["Content-Type: application/json", f"X-Org-Id: {client.headers['X-Org-Id']}"]
            connection.sendall(raw("POST", path, b"x" * 1000, *headers)[:-500])
    assert client.post("/v1/recommend", json={"surface": "home"}).status_code == 200
    assert running.log.read_text().count("error") == before


def test_a_refused_request_leaves_the_connection_usable(running: Running, seeded: Tenant) -> None:
    """A body that was refused unread does not become the next request of its connection."""
    asked = raw(
        "POST",
        "/v1/recommend",
        b'{"surface":"home","k":1}',
        "Content-Type: application/json",
        f"X-Org-Id: {seeded.external_id}",
    )
    refused = raw("POST", "/v1/nothing", b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", "Content-Type: text/plain")
    with socket.create_connection((running.host, running.port), timeout=30) as connection:
        connection.sendall(refused + asked)
        statuses = [status for status, _, _ in read_answers(connection, 2)]
    assert statuses == [404, 200]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/openapi.json", "/docs", "/metrics"])
def test_head_answers_as_get_without_a_body(client: httpx.Client, path: str) -> None:
    """HEAD has GET's status and type, and no body; the next request on the connection is not confused by it."""
    head, got = client.head(path), client.get(path)
    assert head.status_code == got.status_code == 200
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.content == b""


@pytest.mark.parametrize(
    ("path", "allow"),
    [("/v1/recommend", "POST, OPTIONS"), ("/v1/items", "GET, PUT, HEAD, OPTIONS"), ("/livez", "GET, HEAD, OPTIONS")],
)
def test_options_says_which_methods_there_are(client: httpx.Client, path: str, allow: str) -> None:
    """OPTIONS is answered without a tenant, with Allow and no body."""
    answer = client.options(path, headers={"X-Org-Id": ""})
    assert (answer.status_code, answer.headers["allow"], answer.content) == (204, allow, b"")


def test_answers_are_not_cached(client: httpx.Client, seeded: Tenant) -> None:
    """A list is for one visitor and one moment: it says no-store, and a request id of its own."""
    assert seeded.external_id == client.headers["X-Org-Id"]
    first, second = (client.post("/v1/recommend", json={"surface": "home"}) for _ in range(2))
    assert first.headers["cache-control"] == "no-store"
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert first.headers["x-request-id"] == first.json()["meta"]["request_id"]
