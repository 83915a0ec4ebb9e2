"""What a follower answers over HTTP: /serving for the process's check in Consul, /healthz for its own, /metrics."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[bool, str]
"""(whether all is well, a sentence)."""

READ_S = 5.0

HELP: Mapping[str, tuple[str, str]] = {
    "candidate_good": ("gauge", "1 when the latest candidate may be used, 0 while it is refused."),
    "cores": ("gauge", "Cores in the file in place."),
    "swaps_total": ("counter", "Candidates that were put in place."),
    "swap_timestamp_seconds": ("gauge", "When the file in place last changed, in seconds since 1970."),
    "refused_total": ("counter", "Candidates that were refused."),
    "serving": ("gauge", "1 while the edge may lead to the process."),
    "alarm": ("gauge", "1 while a reload does not get on by itself."),
    "lock_held": ("gauge", "1 while this instance has the lock of reloads."),
    "reloads_total": ("counter", "Reloads that were carried out."),
    "reload_seconds": ("gauge", "How long the last reload took, from leaving the edge's list to being back on it."),
    "faults_total": ("counter", "Failures by source."),
}
PREFIX = "pryv_nomad_registry_"


class Server(ThreadingHTTPServer):
    """Serves until `close`. Port 0 takes a free one; OSError for a taken one."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self, address: tuple[str, int], answers: Mapping[str, Callable[[], Answer]], metrics: Callable[[], str]
    ) -> None:
        super().__init__(address, _Handler)
        self.answers = answers
        self.metrics = metrics
        threading.Thread(target=self.serve_forever, args=(0.1,), name="serving", daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = READ_S
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        """Say nothing: what is asked for every second is no news."""

    def do_GET(self) -> None:
        """Answer."""
        path = self.path.partition("?")[0]
        ask = self.server.answers.get(path)
        if path == "/metrics":
            self._answer(200, self.server.metrics(), "text/plain; version=0.0.4; charset=utf-8")
        elif ask:
            well, sentence = ask()
            self._answer(200 if well else 503, sentence + "\n")
        else:
            self._answer(404, f"there are {', '.join(sorted([*self.server.answers, '/metrics']))}\n")

    def _answer(self, status: int, text: str, kind: str = "text/plain; charset=utf-8") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
