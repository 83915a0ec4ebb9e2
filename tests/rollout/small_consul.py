"""As much of Consul as a run uses, over a real socket: keys with indexes, the catalog's services, critical checks."""

from __future__ import annotations

import base64
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class SmallConsul(ThreadingHTTPServer):
    """Serves until `close`. `keys` maps key → (value, index); `registered` are the catalog's registrations."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.keys: dict[str, tuple[bytes, int]] = {}
        self.registered: list[dict[str, Any]] = []
        self.critical: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.index = 10
        self.lock = threading.Lock()
        self.down = False
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SmallConsul

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        path, query = self._asked()
        if path.startswith("/v1/kv/"):
            self._read_keys(path.removeprefix("/v1/kv/"), "recurse" in query)
        elif path.startswith("/v1/catalog/service/"):
            name = path.rpartition("/")[2]
            self._answer(200, [self._instance(each) for each in self.server.registered if each["Service"]["Service"] == name])
        elif path.startswith("/v1/health/state/"):
            self._answer(200, self.server.critical)
        else:
            self._answer(404, None)

    def do_PUT(self) -> None:
        path, query = self._asked()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.server.lock:
            self.server.index += 1
            if path == "/v1/catalog/register":
                new = json.loads(body)
                self.server.registered = [each for each in self.server.registered if each["Node"] != new["Node"]] + [new]
                self._answer(200, True)
                return
            key = path.removeprefix("/v1/kv/")
            if self._guarded(key, query):
                self.server.keys[key] = (body, self.server.index)
                self._answer(200, True)
            else:
                self._answer(200, False)

    def do_DELETE(self) -> None:
        path, query = self._asked()
        key = path.removeprefix("/v1/kv/")
        with self.server.lock:
            done = self._guarded(key, query)
            if done:
                self.server.keys.pop(key, None)
        self._answer(200, done)

    def _asked(self) -> tuple[str, dict[str, list[str]]]:
        url = urllib.parse.urlsplit(self.path)
        self.server.requests.append(f"{self.command} {url.path}")
        return urllib.parse.unquote(url.path), urllib.parse.parse_qs(url.query, keep_blank_values=True)

    def _guarded(self, key: str, query: dict[str, list[str]]) -> bool:
        if "cas" not in query:
            return True
        return int(query["cas"][0]) == self.server.keys.get(key, (b"", 0))[1]

    def _read_keys(self, key: str, recurse: bool) -> None:
        found = {
            name: item for name, item in self.server.keys.items() if (name.startswith(key) if recurse else name == key)
        }
        items = [
            {"Key": name, "Value": base64.b64encode(value).decode(), "ModifyIndex": index, "Flags": 0}
            for name, (value, index) in sorted(found.items())
        ]
        self._answer(200 if items else 404, items or None)

    def _instance(self, registration: dict[str, Any]) -> dict[str, Any]:
        service = registration["Service"]
        return {
            "Node": registration["Node"],
            "Address": registration["Address"],
            "ServiceID": service["ID"],
            "ServiceName": service["Service"],
            "ServiceAddress": service["Address"],
            "ServiceTags": service["Tags"],
            "ServiceMeta": service["Meta"],
        }

    def _answer(self, status: int, body: Any) -> None:
        if self.server.down:
            status, body = 500, None
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Consul-Index", str(self.server.index))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
