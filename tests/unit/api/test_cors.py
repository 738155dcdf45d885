"""Which pages of other origins may call."""

from __future__ import annotations

from recsys.api.cors import Cors

ASKED = {b"origin": b"https://shop.example"}
PREFLIGHT = ASKED | {b"access-control-request-method": b"PUT"}


def test_nobody_may_unless_it_is_said() -> None:
    """Without the setting no header is sent, whatever is asked."""
    assert Cors(()).headers(PREFLIGHT, preflight=True) == ()


def test_a_named_origin_may_send_and_read_what_documents_need() -> None:
    """A browser may send If-Match and read ETag and X-Request-Id."""
    cors = Cors(("https://shop.example", "https://other.example/"))
    preflight = dict(cors.headers(PREFLIGHT, preflight=True))
    assert preflight[b"access-control-allow-origin"] == b"https://shop.example"
    assert b"If-Match" in preflight[b"access-control-allow-headers"]
    assert b"PUT" in preflight[b"access-control-allow-methods"]
    answer = dict(cors.headers(ASKED))
    assert {b"ETag", b"X-Request-Id"} <= set(answer[b"access-control-expose-headers"].split(b", "))
    assert answer[b"vary"] == b"Origin"
    assert dict(cors.headers({b"origin": b"https://other.example"}))[b"access-control-allow-origin"]


def test_another_origin_may_not() -> None:
    """An origin that is not named, or looks like one that is, gets nothing but the word that answers differ."""
    cors = Cors(("https://shop.example",))
    for origin in (b"https://evil.example", b"https://shop.example.evil.example", b"http://shop.example", b"null"):
        assert cors.headers({b"origin": origin}) == ((b"vary", b"Origin"),)


def test_every_origin_may_where_that_is_said() -> None:
    """`*` is answered as such: no cookie is ever looked at, so nothing is given away with it."""
    assert dict(Cors(("*",)).headers(ASKED))[b"access-control-allow-origin"] == b"*"


def test_options_without_a_method_is_no_preflight() -> None:
    """OPTIONS by itself asks which methods there are, and is answered as any other call."""
    assert b"access-control-allow-methods" not in dict(Cors(("*",)).headers(ASKED, preflight=True))
