"""A register that reads its file at its start only and remembers it, like that of 1.9; it ends at once when told to.

python standin_register.py PORT FILE START_S
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

REMEMBERED: dict[str, Any] = {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        said = {"/service/info": {"name": "stand-in"}, "/hostings": REMEMBERED["hostings"]}.get(self.path)
        body = json.dumps(said).encode()
        self.send_response(200 if said is not None else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """A registration takes a moment, and must not be cut off."""
        threading.Event().wait(0.2)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.path = "/hostings"
        self.do_GET()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main(port: int, file: str, start_s: float) -> None:
    found = json.loads(Path(file).read_text(encoding="utf-8"))
    if not isinstance(found["dns"]["mail"], list) or not found["net"]["hostings"]:
        sys.exit("Configuration error")
    REMEMBERED["hostings"] = found["net"]["hostings"]
    # What the real one needs until it listens.
    threading.Event().wait(start_s)
    Server(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
