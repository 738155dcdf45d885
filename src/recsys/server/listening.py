"""The one socket that every worker of a service accepts connections from.

With a socket each, what waits in the queue of a worker that ends would be reset.
"""

from __future__ import annotations

import socket

from recsys.errors import InvalidSetting, OperatorError
from recsys.settings import variable

BACKLOG = 2048
"""Connections that may wait until a worker takes them."""


def listen(host: str, port: int) -> socket.socket:
    """Open the socket; whoever connects waits until the first worker is there."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise InvalidSetting(f"{variable('host')}: {host!r} is not an address of this machine.") from None
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise OperatorError(f"{host}:{port} can not be used ({error.strerror}). Choose another --port.") from None
    return listening
