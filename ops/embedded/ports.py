"""Chooses free TCP ports on loopback for the embedded servers."""

import random
import socket

LOOPBACK = "127.0.0.1"
# Below 32768, where Linux begins to take ports for outgoing connections: one of those could sit on a port that a server
# needs again when it is restarted.
_RANGE = range(20_000, 32_700)


def is_free(port: int) -> bool:
    """Whether a server could listen on the loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A loopback port that nobody listens on; another process may still take it first."""
    return next(port for port in iter(lambda: random.choice(_RANGE), 0) if is_free(port))
