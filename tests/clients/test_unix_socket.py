"""Nomad's API over a Unix socket, as Nomad gives it to each task."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.clients.options import NomadOptions
from pryv_nomad.clients.retries import NEVER
from pryv_nomad.errors import Unreachable


class Handler(BaseHTTPRequestHandler):
    """Answers every read with what it was asked and with which token."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({"Items": {"path": self.path, "token": self.headers.get("X-Nomad-Token", "")}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "a task"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    found = tmp_path / "api.sock"
    with socketserver.ThreadingUnixStreamServer(str(found), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield found
        server.shutdown()
        thread.join(10)


def nomad(path: Path) -> Nomad:
    environment = {"NOMAD_ADDR": f"unix://{path}", "NOMAD_TOKEN": "its identity", "http_proxy": "http://proxy.example"}
    return Nomad(NomadOptions.from_environment(environment, namespace="pryv"), retries=NEVER)


def test_a_task_reads_through_its_socket(path: Path) -> None:
    with nomad(path) as client:
        for _ in range(3):
            found = client.variable("nomad/jobs")
            assert found is not None
            assert found["Items"] == {"path": "/v1/var/nomad/jobs?namespace=pryv", "token": "its identity"}


def test_a_socket_that_is_not_there_is_named(tmp_path: Path) -> None:
    with nomad(tmp_path / "none.sock") as client, pytest.raises(Unreachable, match=r"none\.sock"):
        client.variable("nomad/jobs")
