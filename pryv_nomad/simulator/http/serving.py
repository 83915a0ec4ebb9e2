"""Serving a simulator: both APIs, the clock's thread, and the end of it all.

with serve(simulator, speed=100) as serving:
    … requests to serving.nomad_address and serving.consul_address …
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from pryv_nomad.simulator.faults import ApiFault
from pryv_nomad.simulator.http.consul_api import ConsulApi
from pryv_nomad.simulator.http.driver import Driver
from pryv_nomad.simulator.http.nomad_api import NomadApi
from pryv_nomad.simulator.http.server import ApiServer
from pryv_nomad.simulator.simulator import Simulator


class Serving:
    """A simulator that listens. Ports 0 choose free ones; everything is on loopback unless `host` says otherwise."""

    def __init__(
        self, simulator: Simulator, port: int = 0, consul_port: int = 0, speed: float = 1.0, host: str = "127.0.0.1"
    ) -> None:
        simulator.state.events.capture = True
        self.driver = Driver(simulator, speed)
        simulator.consul.pace = lambda: self.driver.speed or 1.0
        self.nomad = NomadApi(self.driver)
        self.consul = ConsulApi(self.driver)
        self._nomad = ApiServer((host, port), self.nomad.answer, self._fault, "X-Nomad-Index")
        self._consul = ApiServer((host, consul_port), self.consul.answer, self._no_fault, "X-Consul-Index")
        self.nomad.address = self._nomad.address.removeprefix("http://")
        self.consul.address = self._consul.address.removeprefix("http://")
        self._threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True)
            for server in (self._nomad, self._consul)
        ]

    @property
    def nomad_address(self) -> str:
        """`http://host:port` of Nomad's API."""
        return self._nomad.address

    @property
    def consul_address(self) -> str:
        """`http://host:port` of Consul's API."""
        return self._consul.address

    @property
    def simulator(self) -> Simulator:
        return self.driver.simulator

    def _fault(self, method: str, path: str) -> ApiFault | None:
        if path.startswith("/v1/simulator/"):
            return None
        with self.driver.changed:
            return self.simulator.faults.next_api_fault(method, path)

    def _no_fault(self, method: str, path: str) -> ApiFault | None:
        return self._fault(method, f"/consul{path}")

    def start(self) -> None:
        self.driver.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.driver.stop()
        for server in (self._nomad, self._consul):
            server.close()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def serve(
    simulator: Simulator, port: int = 0, consul_port: int = 0, speed: float = 1.0, host: str = "127.0.0.1"
) -> Serving:
    """A context manager that serves `simulator` on both APIs; see `Serving`."""
    return Serving(simulator, port, consul_port, speed, host)
