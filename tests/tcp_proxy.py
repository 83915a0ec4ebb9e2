"""A TCP proxy between a client and a server that a test can cut: refusing, or silent as a lost network is."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from enum import Enum


class Link(Enum):
    """How the proxy treats connections. SILENT keeps them and lets nothing through, in either direction."""

    OPEN = "open"
    REFUSED = "refused"
    SILENT = "silent"


class TcpProxy:
    """Forwards to 127.0.0.1:`port` until `close`; `cut` and `mend` act on connections that are there as well."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._link = Link.OPEN
        self._stop = False
        self._lock = threading.Lock()
        self._held: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self, link: Link = Link.SILENT) -> None:
        """Cut the line."""
        self._link = link
        if link is Link.REFUSED:
            self._drop()

    def mend(self) -> None:
        """Let through again. Connections from before the cut are gone, as after a long outage."""
        self._drop()
        self._link = Link.OPEN

    def close(self) -> None:
        self._stop = True
        self._listener.close()
        self._drop()

    def _drop(self) -> None:
        with self._lock:
            held, self._held = self._held, set()
        for each in held:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        while not self._stop:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._link is Link.REFUSED:
                client.close()
                continue
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with self._lock:
            self._held.add(client)
        try:
            server = socket.create_connection(("127.0.0.1", self._to), 5)
        except OSError:
            client.close()
            return
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._held.add(server)
        with contextlib.suppress(OSError, ValueError), selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            while self._pump(selector):
                pass
        for each in (client, server):
            each.close()

    def _pump(self, selector: selectors.BaseSelector) -> bool:
        pause = threading.Event()
        for key, _ in selector.select(0.2):
            while self._link is Link.SILENT and not self._stop:
                pause.wait(0.05)
            source: socket.socket = key.fileobj  # type: ignore[assignment]
            data = source.recv(65536)
            if not data:
                return False
            key.data.sendall(data)
        return not self._stop
