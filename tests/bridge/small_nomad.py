"""As much of Nomad as the bridge uses, over a real socket: allocations by script, nodes, variables, events."""

from __future__ import annotations

import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.clients.options import NomadOptions
from pryv_nomad.clients.retries import NEVER

Json = dict[str, Any]
HEARTBEAT_S = 0.5


def stubs(
    core: str, *, status: str = "running", healthy: bool | None = True, node: str = "", age: int = 1
) -> list[Json]:
    """The allocations of a core: its edge and its API."""
    place = node or f"node-{core}"
    return [
        {
            "JobID": f"{kind}-{core}",
            "TaskGroup": group,
            "DesiredStatus": "run",
            "ClientStatus": status,
            "NodeID": place,
            "NodeName": place,
            "DeploymentID": "d",
            "DeploymentStatus": None if healthy is None else {"Healthy": healthy, "Canary": False},
            "CreateIndex": age,
        }
        for kind, group in (("pryv-edge", "edge"), ("pryv-core", "api"))
    ]


class SmallNomad(ThreadingHTTPServer):
    """Serves until `close`; `down` breaks every connection. Change it under `change()`, so that watchers hear of it."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.allocations: list[Json] = []
        self.nodes: dict[str, Json] = {}
        self.variables: dict[str, tuple[Json, int]] = {}
        self.index = 10
        self.down = False
        self.writes = 0
        self.requests: list[str] = []
        self.moved = threading.Condition()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def client(self) -> Nomad:
        return Nomad(NomadOptions(address=self.address), retries=NEVER, timeout_s=5.0)

    def runs(self, *allocations: Json) -> None:
        """Let these allocations run from now on, each on a node with a public address."""
        with self.moved:
            self.allocations = list(allocations)
            self.index += 1
            for number, stub in enumerate(allocations):
                meta = {"pryv_public_ip": f"192.0.2.{number % 250 + 1}"}
                node = {"ID": stub["NodeID"], "Name": stub["NodeID"], "Meta": meta, "ModifyIndex": 1, "HTTPAddr": ""}
                self.nodes.setdefault(stub["NodeID"], node)
            self.moved.notify_all()

    def set_down(self, down: bool) -> None:
        """Be unreachable, or be back."""
        with self.moved:
            self.down = down
            self.moved.notify_all()

    def close(self) -> None:
        self.set_down(True)
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two packets; waiting for the first to be acknowledged costs 40 ms.
    disable_nagle_algorithm = True
    server: SmallNomad

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""

    def handle_one_request(self) -> None:
        super().handle_one_request()
        if self.server.down:
            self.close_connection = True

    def do_GET(self) -> None:
        if self.server.down:
            self.close_connection = True
            return
        url = urllib.parse.urlsplit(self.path)
        path, query = urllib.parse.unquote(url.path), dict(urllib.parse.parse_qsl(url.query))
        self.server.requests.append(path)
        with self.server.moved:
            found = self._found(path, query)
        if path == "/v1/event/stream":
            self._stream()
        elif found is None:
            self._answer(404, "not found")
        else:
            self._answer(200, found)

    def _found(self, path: str, query: dict[str, str]) -> Any:
        server = self.server
        if path == "/v1/allocations":
            return server.allocations
        if path == "/v1/nodes":
            return [{"ID": name, "ModifyIndex": node["ModifyIndex"]} for name, node in server.nodes.items()]
        if path.startswith("/v1/node/"):
            return server.nodes.get(path.removeprefix("/v1/node/"))
        if path == "/v1/vars":
            prefix = query.get("prefix", "")
            return [
                {"Path": each, "ModifyIndex": index}
                for each, (_, index) in server.variables.items()
                if each.startswith(prefix)
            ]
        if path.startswith("/v1/var/"):
            name = path.removeprefix("/v1/var/")
            if name in server.variables:
                items, index = server.variables[name]
                return {"Path": name, "Items": items, "ModifyIndex": index}
        return None

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        if self.server.down:
            self.close_connection = True
            return
        url = urllib.parse.urlsplit(self.path)
        name = urllib.parse.unquote(url.path).removeprefix("/v1/var/")
        cas = int(dict(urllib.parse.parse_qsl(url.query)).get("cas", "0"))
        size = sum(len(key) + len(value) for key, value in body["Items"].items())
        assert size <= 64 * 1024, f"{name} is too large: {size}"
        with self.server.moved:
            there = self.server.variables.get(name, ({}, 0))[1]
            if there != cas:
                self._answer(409, {"Path": name, "ModifyIndex": there})
                return
            self.server.index += 1
            self.server.writes += 1
            self.server.variables[name] = (body["Items"], self.server.index)
            answer = {"Path": name, "Items": body["Items"], "ModifyIndex": self.server.index}
        self._answer(200, answer)

    def _answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Nomad-Index", str(self.server.index))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        seen = self.server.index
        try:
            while not self.server.down:
                with self.server.moved:
                    self.server.moved.wait_for(
                        lambda known=seen: self.server.index != known or self.server.down, HEARTBEAT_S
                    )
                    batch: Json = {"Index": self.server.index, "Events": []} if self.server.index != seen else {}
                    seen = self.server.index
                line = json.dumps(batch).encode() + b"\n"
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        except OSError:
            return
        finally:
            self.close_connection = True
