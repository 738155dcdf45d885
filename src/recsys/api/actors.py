"""Who is behind a call, as the audit log names them."""

from __future__ import annotations

from recsys.api import client
from recsys.api.call import Call
from recsys.settings import Settings
from recsys.tenancy.audit import Actor

AGENT_MAX = 256


def actor(call: Call, settings: Settings) -> Actor:
    """Name the caller, what they may do, and where they call from."""
    headers, caller = call.headers, call.caller
    agent = headers.get(b"user-agent", b"").decode("latin-1").replace("\0", "")[:AGENT_MAX]
    return Actor(
        type=caller.kind,
        sub=caller.subject.replace("\0", "")[:AGENT_MAX],
        roles=tuple(sorted(caller.roles)),
        request_id=call.request_id,
        ip=client.address(call.peer, headers.get(b"x-forwarded-for"), settings.trusted_proxies),
        user_agent=agent or None,
    )
