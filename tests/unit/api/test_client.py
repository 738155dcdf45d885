"""Where a call comes from, as far as proxies are trusted."""

from __future__ import annotations

import pytest

from recsys.api.client import address

TRUSTED = ("10.0.0.0/8", "fd00::/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", b"198.51.100.7", "192.0.2.1"),  # a stranger's header proves nothing
        ("10.0.0.1", b"198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", b"203.0.113.9, 198.51.100.7", "198.51.100.7"),  # what stands left of a stranger is the stranger's
        ("10.0.0.1", b"198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("10.0.0.1", b"", "10.0.0.1"),
        ("10.0.0.1", b"nonsense", "10.0.0.1"),
        ("10.0.0.1", b"198.51.100.7, nonsense", "10.0.0.1"),
        ("10.0.0.1", b"\xff", "10.0.0.1"),
        ("fd00::1", b"2001:db8::7", "2001:db8::7"),
        ("::ffff:10.0.0.1", b"198.51.100.7", "198.51.100.7"),
        ("fe80::1%eth0", None, "fe80::1"),
        (None, b"198.51.100.7", None),
        ("unix", None, None),
    ],
)
def test_only_trusted_proxies_are_believed(peer: str | None, forwarded: bytes | None, found: str | None) -> None:
    """X-Forwarded-For counts from its end, for as long as the hops are proxies that the operator named."""
    assert address(peer, forwarded, TRUSTED) == found
