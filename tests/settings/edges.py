"""A real nginx with an edge's files before tiny servers that say what reached them."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.secrets.self_signed import self_signed
from pryv_nomad.settings.document import Hole, Upstream
from pryv_nomad.settings.files import files
from pryv_nomad.settings.nginx_blocks import PAGES, Edge
from tests.ports import free_port

from . import platforms

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="no nginx on this machine")


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked, and its server's name."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        server = self.server
        assert isinstance(server, Named)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        server.seen.append(f"{self.command} {self.path}")
        if server.silent:
            self.close_connection = True
            return
        said = {
            "server": server.name, "method": self.command, "path": self.path, "body": len(body),
            "headers": {key.lower(): value for key, value in self.headers.items()},
        }  # fmt: skip
        text = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


class Named(ThreadingHTTPServer):
    """A server with a name; a silent one takes requests and hangs up."""

    daemon_threads = True

    def __init__(self, name: str, silent: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), Echo)
        self.name, self.silent = name, silent
        self.seen: list[str] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


@contextlib.contextmanager
def serving(*servers: Named) -> Iterator[None]:
    threads = [threading.Thread(target=server.serve_forever, args=(0.02,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
        for thread in threads:
            thread.join()


@dataclass
class Answer:
    """What came back. `said` is what the server behind was asked, empty where nginx answered itself."""

    status: int
    headers: Mapping[str, str]
    said: dict[str, Any] = field(default_factory=dict)


@dataclass
class RunningEdge:
    """A running nginx."""

    http: int
    https: int
    certificate: Path
    output: Path

    def ask(
        self,
        host: str,
        path: str = "/",
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request over TLS for `host`, with its name in the handshake and the certificate checked."""
        connection = http.client.HTTPConnection("127.0.0.1", timeout=20)
        connection.sock = self.handshake(host)
        return _answer(connection, host, path, method, body, headers or {})

    def ask_plainly(self, host: str, path: str = "/") -> Answer:
        """One request without TLS."""
        return _answer(http.client.HTTPConnection("127.0.0.1", self.http, timeout=20), host, path, "GET", None, {})

    def handshake(self, host: str, ciphers: str = "") -> ssl.SSLSocket:
        """A connection with `host` in its handshake. `ciphers` makes it TLS 1.2 with these alone."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        if ciphers:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(ciphers)
        return context.wrap_socket(
            socket.create_connection(("127.0.0.1", self.https), timeout=20), server_hostname=host
        )

    def logged(self, part: str) -> str:
        """The line of the access log with `part` in it; waits a little for it."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            for line in self.output.read_text(encoding="utf-8", errors="replace").splitlines():
                if part in line:
                    return line
            time.sleep(0.02)
        raise AssertionError(f"nothing logged with {part}")


def _answer(
    connection: http.client.HTTPConnection,
    host: str,
    path: str,
    method: str,
    body: bytes | None,
    headers: Mapping[str, str],
) -> Answer:
    with contextlib.closing(connection):
        connection.request(method, path, body, {"Host": host, "Accept-Encoding": "identity", **headers})
        response = connection.getresponse()
        text = response.read()
    said = json.loads(text) if text.startswith(b"{") else {}
    return Answer(response.status, {key.lower(): value for key, value in response.getheaders()}, said)


def lay_out(
    folder: Path, platform: Cluster, role: str, servers: Mapping[str, list[Named]], weight: int = 0
) -> tuple[int, int]:
    """Writes the edge's files into `folder`, with free ports and local paths. (port of HTTP, port of HTTPS)."""
    certificate, key = self_signed(platform.domain, datetime.now(UTC))
    (folder / "certificate.pem").write_bytes(certificate)
    (folder / "key.pem").write_bytes(key)
    edge = Edge(str(folder / "certificate.pem"), str(folder / "key.pem"), weight)
    plain, tls = free_port(), free_port()
    pages = servers["pages"][0].port if "pages" in servers else 9
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    changes = {
        "user nginx;": "user root;" if os.geteuid() == 0 else "",
        "worker_processes 2;": "worker_processes 1;",
        "/var/run/nginx.pid": f"{folder}/nginx.pid",
        "http {": f"http {{ {temporary}",
        "include /app/conf/": f"include {folder}/",
        "listen 80 ": f"listen 127.0.0.1:{plain} ",
        "listen 443 ": f"listen 127.0.0.1:{tls} ",
        f"https://{PAGES}/": f"http://127.0.0.1:{pages}/",
    }

    def answer(hole: Hole) -> str:
        assert isinstance(hole, Upstream)
        name = f"{hole.component}-canary" if hole.canary == "only" else hole.component
        down = "" if hole.canary == "only" else "server 127.0.0.1:9 down;"
        options = f" {hole.options}" if hole.options else ""
        return " ".join(f"server 127.0.0.1:{server.port}{options};" for server in servers.get(name, [])) or down

    for file in files(platform, "nginx", role, edge):
        text = platforms.filled(file, answer)
        for old, new in changes.items():
            text = text.replace(old, new)
        (folder / file.path).write_text(text, encoding="utf-8")
    return plain, tls


def check(folder: Path) -> str:
    """What `nginx -t` says of the files in `folder`; empty where it has no fault and no warning."""
    assert NGINX is not None
    tried = subprocess.run(
        [NGINX, "-t", "-q", "-p", str(folder), "-c", str(folder / "nginx.conf")],
        capture_output=True,
        text=True,
        timeout=30,
    )
    return tried.stdout + tried.stderr


@contextlib.contextmanager
def running(
    folder: Path, platform: Cluster, role: str, servers: Mapping[str, list[Named]], weight: int = 0
) -> Iterator[RunningEdge]:
    """A running edge before `servers`, by component (`core-canary` for canaries, `pages` for the public pages)."""
    assert NGINX is not None
    plain, tls = lay_out(folder, platform, role, servers, weight)
    output = folder / "output"
    command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    with (
        serving(*(server for group in servers.values() for server in group)),
        output.open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            _await(tls, process, output)
            yield RunningEdge(plain, tls, folder / "certificate.pem", output)
        finally:
            process.terminate()
            process.wait(20)


def _await(port: int, process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        time.sleep(0.02)
    raise AssertionError(f"nginx does not listen:\n{output.read_text()}")
