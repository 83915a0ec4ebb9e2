"""What the registry would see: the list of cores as a template reads it, which must never shrink."""

from __future__ import annotations

import threading

from pryv_nomad.bridge.membership import generation_key
from pryv_nomad.errors import PryvNomadError
from tests.bridge.running import DOMAIN, listed
from tests.consul_server import ConsulContainer, ConsulServer


class Registry:
    """Reads the list all the time. As the template does, it holds what it has while the count of changes is missing or
    no core is there; `shrunk` are the cores that were ever lost."""

    def __init__(self, server: ConsulServer | ConsulContainer) -> None:
        self._consul = server.client(timeout_s=3.0)
        self._stop = threading.Event()
        self.cores: set[str] = set()
        self.shrunk: set[str] = set()
        self.looks = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._look()
            self._stop.wait(0.02)

    def _look(self) -> None:
        try:
            if self._consul.kv_get(generation_key(DOMAIN)) is None:
                return
            seen = listed(self._consul)
        except PryvNomadError:
            return
        if seen:
            self.shrunk |= self.cores - seen
            self.cores = seen
            self.looks += 1

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)
        self._consul.close()
