"""/metrics and /healthz over HTTP, for Prometheus and for Nomad's check of the bridge."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pryv_nomad.bridge.metrics import Metrics, prometheus

READ_S = 5.0


class Server(ThreadingHTTPServer):
    """Serves until `close`. `health` gives (fresh, sentence). Port 0 takes a free one; OSError for a taken one."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], metrics: Metrics, health: Callable[[], tuple[bool, str]]) -> None:
        super().__init__(address, _Handler)
        self.metrics = metrics
        self.health = health
        self._thread = threading.Thread(target=self.serve_forever, name="serving", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = READ_S
    disable_nagle_algorithm = True
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing: what is asked for every few seconds is no news."""

    def do_GET(self) -> None:
        """Answer."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(200, prometheus(self.server.metrics.samples()), "text/plain; version=0.0.4; charset=utf-8")
        elif path == "/healthz":
            fresh, sentence = self.server.health()
            self._answer(200 if fresh else 503, sentence + "\n", "text/plain; charset=utf-8")
        else:
            self._answer(404, "there are /metrics and /healthz\n", "text/plain; charset=utf-8")

    def _answer(self, status: int, text: str, kind: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
