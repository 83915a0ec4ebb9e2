"""The rendered job of the registry on a real Nomad: restarts through Nomad's task API, no request fails."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pryv_nomad.registry.neighbours import standing
from tests.consul_server import ConsulServer, until
from tests.contract.agents import nomad_binary, real_nomad
from tests.registry.edge import edge, load
from tests.registry.farm import SERVICE, Farm, farm
from tests.registry.on_nomad import OnNomad, registry_job
from tests.settings import platforms
from tests.settings.edges import needs_nginx
from tests.short import short_folder

pytestmark = [
    pytest.mark.skipif(nomad_binary() is None, reason="no nomad on PATH"),
    pytest.mark.skipif(os.geteuid() != 0, reason="a Nomad client needs root"),
    needs_nginx,
]


@pytest.fixture
def nomad(real_consul: ConsulServer) -> Iterator[str]:
    with short_folder() as folder, real_nomad(folder, f"127.0.0.1:{real_consul.port}") as address:
        yield address


@pytest.fixture
def parts(real_consul: ConsulServer, tmp_path: Path) -> Iterator[Farm]:
    """Cores, edge and load; the registers are Nomad's."""
    with farm(tmp_path, real_consul, instances=0) as made:
        for item in made.client.get("/v1/catalog/service/pryv-core").body or ():
            made.client.catalog_deregister({"Node": item["Node"]})
        made.client.library.kv.delete("pryv-nomad/", recurse=True)
        yield made


def listed(parts: Farm) -> list[int]:
    """How many cores each healthy register has read, by Consul's list of them."""
    found = []
    for entry in parts.client.health_service(SERVICE, passing=True):
        found.append(len(parts.cores_at(entry["Service"]["Port"])))
    return sorted(found)


def test_not_one_request_fails_while_ten_cores_join_on_nomad(
    parts: Farm, nomad: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    redis = {"Service": "pryv-redis", "ID": "redis", "Tags": ["registry"], "Address": "192.0.2.1", "Port": 6379}
    parts.client.catalog_register({"Node": "redis", "Address": "192.0.2.1", "Service": redis})
    parts.count_changes(0)
    job = OnNomad(nomad, registry_job(tmp_path, parts.consul.address, settle=3))
    job.run()
    until(lambda: listed(parts) == [0, 0], 120, f"both registers run: {job.said()}")
    until(lambda: job.deployment() == "successful", 60, "the deployment is successful")
    between, folder = threading.Event(), tmp_path / "edge-of"
    folder.mkdir()
    with edge(parts, platforms.cluster(folder)) as door, load(door) as told:
        until(lambda: told.requests > 50, 30, "requests come through")
        for number in range(1, 11):
            parts.join(f"co{number}", "fr" if number % 2 else "ch", f"192.0.2.{number}")
            parts.count_changes(number)
            between.wait(1)
        until(lambda: listed(parts) == [10, 10], 180, f"both know all: {job.said()}")
        enough = told.requests + 50
        until(lambda: told.requests > enough, 30, "requests come through afterwards")
    assert told.failures == []
    assert min(job.restarts().values()) >= 1
    assert len(job.allocations()) == 2
    assert standing(parts.client.health_service(SERVICE), "", 0)[1] == (2, 2)
    record_property("requests", told.requests)
    record_property("restarts", job.restarts())
