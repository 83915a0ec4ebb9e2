"""Whether a process answers: one question over HTTP, DNS or TCP, with a time limit."""

from __future__ import annotations

import http.client
import os
import socket
import struct
from dataclasses import dataclass
from urllib.parse import urlsplit

from pryv_nomad.errors import ConnectionSettingError

TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Probe:
    """Where to ask, and what: a path over HTTP, a name over DNS."""

    scheme: str
    host: str
    port: int
    what: str = ""

    def __call__(self, timeout_s: float = TIMEOUT_S) -> bool:
        """Whether it answers as it should."""
        ask = {"http": _http, "dns": _dns, "tcp": _tcp}[self.scheme]
        try:
            return ask(self, timeout_s)
        except (OSError, http.client.HTTPException):
            return False


def probe_of(url: str) -> Probe:
    """`http://HOST:PORT/PATH`, `dns://HOST:PORT/NAME` or `tcp://HOST:PORT`. Raises ConnectionSettingError."""
    try:
        found = urlsplit(url)
        port = found.port
    except ValueError:
        port = None
    if port is None or not found.hostname or found.scheme not in ("http", "dns", "tcp"):
        raise ConnectionSettingError(
            f"--probe: {url!r} is not one of http://HOST:PORT/PATH, dns://HOST:PORT/NAME, tcp://HOST:PORT",
            "say where the process answers",
        )
    what = found.path.lstrip("/") if found.scheme == "dns" else found.path or "/"
    return Probe(found.scheme, found.hostname, port, what)


def _http(probe: Probe, timeout_s: float) -> bool:
    connection = http.client.HTTPConnection(probe.host, probe.port, timeout=timeout_s)
    try:
        connection.request("GET", probe.what)
        return 200 <= connection.getresponse().status < 300
    finally:
        connection.close()


def _tcp(probe: Probe, timeout_s: float) -> bool:
    socket.create_connection((probe.host, probe.port), timeout=timeout_s).close()
    return True


def _dns(probe: Probe, timeout_s: float) -> bool:
    """An A query (RFC 1035, 4.1); an answer that holds a record is right."""
    identity = int.from_bytes(os.urandom(2), "big")
    family, kind, protocol, _, address = socket.getaddrinfo(probe.host, probe.port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as line:
        line.settimeout(timeout_s)
        line.connect(address)
        line.send(struct.pack("!6H", identity, 0x0100, 1, 0, 0, 0) + _name(probe.what) + struct.pack("!2H", 1, 1))
        answer = line.recv(512)
    if len(answer) < 12:
        return False
    said, flags, _, count = struct.unpack("!4H", answer[:8])
    return bool(said == identity and flags & 0x8000 and not flags & 0x000F and count)


def _name(text: str) -> bytes:
    labels = [label.encode("ascii", "replace")[:63] for label in text.strip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
