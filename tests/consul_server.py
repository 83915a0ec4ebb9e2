"""A real Consul for tests, whatever this machine has: the binary (PATH, tools/bin), else a container of its image.

`ConsulServer` can be stopped, started again on the same port with its data or without, and killed. `consul_server()`
chooses; it skips the test where there is nothing to choose from.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pryv_nomad.clients.consul import Consul
from pryv_nomad.clients.options import ConsulOptions
from pryv_nomad.clients.retries import NEVER
from pryv_nomad.errors import PryvNomadError
from tests.ports import free_ports

IMAGE = os.environ.get("PRYV_NOMAD_TEST_CONSUL_IMAGE", "hashicorp/consul:1.14")
START_S = 60.0


def consul_binary() -> str | None:
    """The consul binary of this machine, PATH first."""
    built = Path(__file__).parents[1] / "tools" / "bin" / "consul"
    return shutil.which("consul") or (str(built) if built.is_file() else None)


def until(condition: Callable[[], Any], within_s: float, what: str, every_s: float = 0.05) -> Any:
    """The first true answer of `condition`; fails when there is none within `within_s` seconds."""
    pause, end = threading.Event(), time.monotonic() + within_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"not within {within_s} s: {what}"
        pause.wait(every_s)


class ConsulServer:
    """A server with its data in a folder, so that it can be restarted and emptied. Alone, or one of `expect` servers;
    `peers` are then all of them, this one too."""

    def __init__(self, binary: str, folder: Path, expect: int = 1) -> None:
        self._binary, self._expect = binary, expect
        self.peers: Sequence[ConsulServer] = ()
        self._data = folder / "consul"
        self._log = folder / "consul.log"
        self._ports = free_ports(4)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        return self._ports[0]

    @property
    def pid(self) -> int:
        """The process, which must run."""
        assert self._process is not None
        return self._process.pid

    @property
    def options(self) -> ConsulOptions:
        return ConsulOptions(address=self.address)

    def client(self, **more: Any) -> Consul:
        """A client without retries, so that a test sees what happens."""
        return Consul(self.options, **({"retries": NEVER, "timeout_s": 5.0} | more))

    def start(self) -> None:
        """Start it and wait until there is a leader."""
        self.launch()
        until(self.ready, START_S, f"consul leads ({self._log.read_text(errors='replace')[-2000:]})", 0.1)

    def launch(self) -> None:
        """Start it."""
        http, server, lan, grpc = self._ports
        self._data.mkdir(parents=True, exist_ok=True)
        ports = {
            "http": http,
            "server": server,
            "serf_lan": lan,
            "serf_wan": -1,
            "dns": -1,
            "grpc": grpc,
            "grpc_tls": -1,
        }
        config = {
            "server": True,
            "bootstrap_expect": self._expect,
            "retry_join": [f"127.0.0.1:{peer._ports[2]}" for peer in self.peers],
            "node_name": f"test-{http}",
            "data_dir": str(self._data),
            "bind_addr": "127.0.0.1",
            "client_addr": "127.0.0.1",
            "ports": ports,
            "log_level": "warn",
            "disable_update_check": True,
            # As fast as -dev elects; one server has nobody to disagree with.
            "performance": {"raft_multiplier": 1},
            "limits": {"http_max_conns_per_client": 500},
        }
        file = self._data.parent / "consul.json"
        file.write_text(json.dumps(config))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary, "agent", f"-config-file={file}"], stdout=log, stderr=subprocess.STDOUT
            )

    def ready(self) -> bool:
        """Whether it knows a leader."""
        assert self._process is not None
        assert self._process.poll() is None, f"consul ended by itself: {self._log.read_text()[-2000:]}"
        with self.client(timeout_s=2.0) as client:
            try:
                return bool(client.leader()) and bool(client.catalog_nodes())
            except PryvNomadError:
                return False

    def stop(self, *, kill: bool = False) -> None:
        """End the process; its data stays."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            self._process.wait(30)
            self._process = None

    def wipe(self) -> None:
        """Stop it and start it again with nothing in it, on the same port."""
        self.stop(kill=True)
        shutil.rmtree(self._data)
        self.start()


class ConsulContainer:
    """The same face over a container: an in-memory server, which forgets all when it is restarted."""

    def __init__(self, container: Any) -> None:
        self._container = container

    @property
    def port(self) -> int:
        return int(self._container.get_exposed_port(8500))

    @property
    def address(self) -> str:
        return f"http://{self._container.get_container_host_ip()}:{self.port}"

    @property
    def options(self) -> ConsulOptions:
        return ConsulOptions(address=self.address)

    client = ConsulServer.client

    def wipe(self) -> None:
        """Restart it; its data is in memory."""
        self._container.get_wrapped_container().restart(timeout=5)
        self.wait()

    def wait(self) -> None:
        """Wait until it leads."""

        def leads() -> bool:
            with self.client(timeout_s=2.0) as client:
                try:
                    return bool(client.leader()) and bool(client.catalog_nodes())
                except PryvNomadError:
                    return False

        until(leads, START_S, "consul leads in its container", 0.2)


def docker_has_image(image: str = IMAGE) -> bool:
    """Whether Docker runs and holds the image; nothing is pulled."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    return subprocess.run([docker, "image", "inspect", image], capture_output=True, timeout=30).returncode == 0


@contextmanager
def consul_server(folder: Path) -> Iterator[ConsulServer | ConsulContainer]:
    """A Consul that runs: the binary's, else a container's. Skips where there is neither."""
    binary = consul_binary()
    if binary:
        server = ConsulServer(binary, folder)
        try:
            server.start()
            yield server
        finally:
            server.stop(kill=True)
    elif docker_has_image():
        with _container() as container:
            yield container
    else:
        pytest.skip(f"no consul binary on PATH or in tools/bin, and no image {IMAGE} in Docker")


@contextmanager
def _container() -> Iterator[ConsulContainer]:
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    if Path("/.dockerenv").exists():
        os.environ.setdefault("TESTCONTAINERS_CONNECTION_MODE", "docker_host")
    from testcontainers.core.container import DockerContainer

    container = DockerContainer(IMAGE).with_exposed_ports(8500)
    with container.with_command("agent -dev -client 0.0.0.0 -log-level warn") as started:
        found = ConsulContainer(started)
        found.wait()
        yield found
