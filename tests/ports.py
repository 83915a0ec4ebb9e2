"""Free ports for programs that tests start.

Below the range from which the kernel takes ports for outgoing connections (32768 and up): a port of that range that is
free now may be some connection's own when the program binds it. Picked at random, so that tests that run side by side
do not meet.
"""

from __future__ import annotations

import random
import socket

_PORTS = range(20000, 32000)
_RANDOM = random.SystemRandom()


def free_ports(count: int) -> list[int]:
    """`count` different ports of 127.0.0.1 that nobody uses now, neither for TCP nor for UDP."""
    found: list[int] = []
    while len(found) < count:
        port = _RANDOM.choice(_PORTS)
        if port not in found and all(map(_is_free, (socket.SOCK_STREAM, socket.SOCK_DGRAM), (port, port))):
            found.append(port)
    return found


def free_port() -> int:
    """One such port."""
    return free_ports(1)[0]


def _is_free(kind: int, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as trial:
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
