"""The registry's edge before a farm: a real nginx with the settings' files, its upstreams out of Consul, and load."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings.files import files
from pryv_nomad.specs.holes import template_text
from pryv_nomad.specs.places import Place
from tests.consul_server import until
from tests.registry.farm import Farm
from tests.settings.edges import NGINX, lay_out

UPSTREAMS = "site-upstreams.conf"


@dataclass
class Edge:
    """A running edge. `host` is the name under which the registry is asked."""

    https: int
    certificate: Path
    host: str

    def ask(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        """One request on a connection of its own, without a second try."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        line = socket.create_connection(("127.0.0.1", self.https), timeout=20)
        connection = http.client.HTTPConnection("127.0.0.1", timeout=20)
        connection.sock = context.wrap_socket(line, server_hostname=self.host)
        with contextlib.closing(connection):
            body = b"{}" if method == "POST" else None
            connection.request(method, path, body, {"Host": self.host, "Connection": "close"})
            answer = connection.getresponse()
            return answer.status, answer.read()


@contextlib.contextmanager
def edge(farm: Farm, platform: Cluster) -> Iterator[Edge]:
    """The edge, whose upstreams consul-template writes and which reloads when they change."""
    assert NGINX is not None
    folder = farm.folder / "edge"
    folder.mkdir()
    _, tls = lay_out(folder, platform, "registry", {})
    found = next(file for file in files(platform, "nginx", "registry") if file.path == UPSTREAMS)
    source = farm.folder / "upstreams.ctmpl"
    source.write_text(template_text(found, Place(), platform, {}))
    reload = farm.folder / "reload.sh"
    reload.write_text(f"#!/bin/sh\n[ -s {folder}/nginx.pid ] && kill -HUP $(cat {folder}/nginx.pid)\nexit 0\n")
    reload.chmod(0o755)
    (folder / UPSTREAMS).unlink()
    farm.run_template("edge-template", [f"{source}:{folder / UPSTREAMS}:{reload}"], "-wait=200ms:1s")
    until((folder / UPSTREAMS).exists, 20, "the upstreams are written")
    farm.processes.start("edge", [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"])
    made = Edge(tls, folder / "certificate.pem", f"reg.{platform.domain}")
    until(lambda: _listens(tls), 20, f"nginx listens: {farm.processes.log('edge')}")
    try:
        yield made
    finally:
        farm.processes.stop("edge")
        farm.processes.stop("edge-template")


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


@dataclass
class Load:
    """What was asked and what came back. `fewest` is the smallest list of cores that an answer held."""

    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    longest_s: float = 0.0
    fewest: int = 1_000_000

    @property
    def requests(self) -> int:
        return sum(self.answers.values())


@contextlib.contextmanager
def load(edge: Edge, clients: int = 3, pause_s: float = 0.02) -> Iterator[Load]:
    """Requests all the time, each on a new connection, reading and writing, until the block ends."""
    told, stop, lock = Load(), threading.Event(), threading.Lock()

    def client(number: int) -> None:
        kinds = (("/hostings", "GET"), ("/service/info", "GET"), ("/users", "POST"))
        turn = number
        while not stop.wait(pause_s):
            path, method = kinds[turn % len(kinds)]
            turn += 1
            begun = time.monotonic()
            try:
                status, body = edge.ask(path, method)
                fault = "" if status == 200 else f"{method} {path}: {status}"
            except (OSError, http.client.HTTPException) as error:
                body, fault = b"", f"{method} {path}: {error!r}"
            with lock:
                told.answers[f"{method} {path}"] += 1
                told.longest_s = max(told.longest_s, time.monotonic() - begun)
                if fault:
                    told.failures.append(fault)
                elif path != "/service/info":
                    listed = sum(len(cores) for cores in json.loads(body).values())
                    told.fewest = min(told.fewest, listed)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield told
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
