"""A real Consul and a small Nomad for the tests of the bridge."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pryv_nomad.clients.consul import Consul
from tests.bridge.running import empty
from tests.bridge.small_nomad import SmallNomad
from tests.consul_server import ConsulContainer, ConsulServer, consul_server


@pytest.fixture(scope="session")
def real_consul(tmp_path_factory) -> Iterator[ConsulServer | ConsulContainer]:
    with consul_server(tmp_path_factory.mktemp("consul")) as server:
        yield server


@pytest.fixture
def consul(real_consul: ConsulServer | ConsulContainer) -> Iterator[Consul]:
    """A client; before each test Consul holds nothing of ours."""
    with real_consul.client() as client:
        empty(client)
        yield client


@pytest.fixture
def nomad() -> Iterator[SmallNomad]:
    server = SmallNomad()
    yield server
    server.close()
