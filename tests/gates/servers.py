"""Small real HTTP servers for tests: one that answers what it is told, and one that speaks as Prometheus does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, bytes]


class Server:
    """An HTTP server on a free port. `answer` maps a request's path (with its query) to status and body."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.paths.append(self.path)
                outer.headers.append(dict(self.headers.items()))
                outer.bodies.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                status, body = answer(self.path)
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("X-Consul-Index", "1")
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                """Nothing to the console."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@contextmanager
def serving(answer: Callable[[str], Answer]) -> Iterator[Server]:
    server = Server(answer)
    try:
        yield server
    finally:
        server.close()


def vector(*values: str) -> dict[str, Any]:
    """The data of an answer with these samples."""
    return {
        "resultType": "vector",
        "result": [{"metric": {"n": str(n)}, "value": [0, v]} for n, v in enumerate(values)],
    }


@contextmanager
def prometheus(results: dict[str, Any]) -> Iterator[Server]:
    """Answers each query of `results` with its data; another one is refused as Prometheus refuses it."""

    def answer(path: str) -> Answer:
        parts = urlsplit(path)
        query = parse_qs(parts.query).get("query", [""])[0]
        if parts.path != "/api/v1/query":
            return 404, b"404 page not found"
        if query not in results:
            return 400, json.dumps({"status": "error", "errorType": "bad_data", "error": f"unknown {query}"}).encode()
        return 200, json.dumps({"status": "success", "data": results[query]}).encode()

    with serving(answer) as server:
        yield server
