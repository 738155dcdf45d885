"""Where a call comes from, for the audit log: through proxies only as far as they are trusted."""

from __future__ import annotations

from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network


def address(peer: str | None, forwarded: bytes | None, trusted: tuple[str, ...]) -> str | None:
    """Return the address of the client; None where there is none (a Unix socket).

    X-Forwarded-For is read from its end: each trusted proxy vouches for the one before it, and what a stranger wrote
    to its left proves nothing.
    """
    nearest = _address(peer or "")
    if nearest is None:
        return None
    for hop in reversed((forwarded or b"").decode("latin-1").split(",")):
        found = _address(hop.strip())
        if found is None or not _within(nearest, trusted):
            break
        nearest = found
    return str(nearest)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _within(one: IPv4Address | IPv6Address, networks: tuple[str, ...]) -> bool:
    return any(one in _network(network) for network in networks)


@cache
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)
