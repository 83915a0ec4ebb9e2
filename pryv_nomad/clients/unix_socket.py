"""HTTP over a Unix socket: how a task reaches Nomad without knowing an address or a certificate.

Nomad puts the socket of its task API into each task's secrets folder (developer.hashicorp.com/nomad/api-docs/task-api);
its own tools take `unix:///secrets/api.sock` as NOMAD_ADDR, and so do we. Importing this module imports requests.
"""

from __future__ import annotations

import socket
from typing import Any

import requests.adapters
import urllib3.connection
import urllib3.connectionpool


class UnixConnection(urllib3.connection.HTTPConnection):
    """A connection to the socket at `socket_path`, whatever the URL's host is."""

    def __init__(self, *args: Any, socket_path: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._socket_path = socket_path

    def connect(self) -> None:
        """Open the socket. Raises OSError."""
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            opened.settimeout(self.timeout if isinstance(self.timeout, int | float) else None)
            opened.connect(self._socket_path)
        except OSError:
            opened.close()
            raise
        self.sock = opened


class UnixPool(urllib3.connectionpool.HTTPConnectionPool):
    """Connections to one socket."""

    ConnectionCls = UnixConnection


class UnixAdapter(requests.adapters.HTTPAdapter):
    """requests' adapter over the socket at `path`; at most `size` connections are kept open."""

    def __init__(self, path: str, size: int) -> None:
        super().__init__()
        self._pool = UnixPool("localhost", maxsize=size, socket_path=path)

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        """The one pool (requests 2.32 and later ask like this)."""
        del request, verify, proxies, cert
        return self._pool

    def get_connection(self, url: Any, proxies: Any = None) -> Any:
        """The one pool (requests 2.31 asks like this)."""
        del url, proxies
        return self._pool

    def close(self) -> None:
        """Close the pooled connections."""
        self._pool.close()
        super().close()
