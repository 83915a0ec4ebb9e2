"""A real Consul and a registry on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.consul_server import ConsulServer, consul_server
from tests.registry.farm import Farm, binary, farm


@pytest.fixture(scope="session")
def real_consul(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsulServer]:
    with consul_server(tmp_path_factory.mktemp("consul")) as server:
        if not isinstance(server, ConsulServer):
            pytest.skip("needs a consul binary: its checks must reach this machine's processes")
        yield server


@pytest.fixture
def registry(real_consul: ConsulServer, tmp_path: Path) -> Iterator[Farm]:
    if binary("consul-template") is None:
        pytest.skip("no consul-template (`make tools` builds it)")
    with farm(tmp_path, real_consul) as made:
        for service in ("pryv-core", "pryv-register", "pryv-follower"):
            for item in made.client.get(f"/v1/catalog/service/{service}").body or ():
                if item["Node"] != "test":
                    made.client.catalog_deregister({"Node": item["Node"]})
        made.client.library.kv.delete("pryv-nomad/", recurse=True)
        yield made
