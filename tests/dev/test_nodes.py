"""From a platform to the machines it wants, and to their addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from pryv_nomad.dev.nodes import NodeWish, one_node, placed, wishes
from pryv_nomad.errors import MissingPrerequisite
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.load import load_cluster

CO1 = NodeWish("co1", "dc1", (("pryv_core", "co1"),), ("core-data",))
CO2 = NodeWish("co2", "dc2", (("pryv_core", "co2"),), ("core-data", "backup"))
REGISTRY = NodeWish("registry", "dc1", (("pryv_role", "registry"),), ("redis-data",))
STATIC = NodeWish("static", "dc1", (("pryv_role", "static"),))


def test_every_node_gets_an_address_of_its_own() -> None:
    assert [node.address for node in placed([CO1, CO2, REGISTRY], "127.0.1.0/24", {})] == [
        "127.0.1.1",
        "127.0.1.2",
        "127.0.1.3",
    ]


def test_a_node_keeps_its_address_when_others_come_and_go() -> None:
    after = placed([REGISTRY, CO2], "127.0.1.0/24", {"co1": "127.0.1.1", "co2": "127.0.1.2"})
    assert {node.name: node.address for node in after} == {"co2": "127.0.1.2", "registry": "127.0.1.1"}


def test_a_network_that_is_too_small_is_refused() -> None:
    with pytest.raises(MissingPrerequisite, match="no address left for node registry") as caught:
        placed([CO1, CO2, REGISTRY], "127.0.1.0/30", {})
    assert "--network" in caught.value.remedy


def test_one_node_offers_what_all_would_have() -> None:
    (node,) = one_node([CO1, CO2, REGISTRY, STATIC])
    assert dict(node.meta) == {"pryv_core": "co1", "pryv_role": "registry,static"}
    assert node.volumes == ("backup", "core-data", "redis-data")
    assert node.datacenter == "dc1"


PLATFORM = """
platform: {domain: pryv.example, name: Pryv Lab, single_machine: %s}
release: 1.9.2
datacenters: [dc1, dc2]
hostings:
  ch: {datacenter: dc1, url: "https://ch.example"}
  fr: {datacenter: dc2, url: "https://fr.example"}
volumes: {core_data: "data-{core}"}
cores:
  - {name: "co[1-2]", hosting: ch}
  - {name: co3, hosting: fr, node: paris-1}
  - {name: co4, hosting: fr, external: true, ip: 192.0.2.4}
registry: {replica: {datacenter: dc2}}
network: {private: backend}
"""


def _cluster(tmp_path: Path, single: str) -> Cluster:
    file = tmp_path / "cluster.yml"
    file.write_text(PLATFORM % single)
    return load_cluster([file], (), {})


def test_every_core_and_role_of_a_platform_wants_a_node(tmp_path: Path) -> None:
    nodes = wishes(_cluster(tmp_path, "false"))
    assert [(node.name, node.datacenter, node.meta) for node in nodes] == [
        ("co1", "dc1", (("pryv_core", "co1"),)),
        ("co2", "dc1", (("pryv_core", "co2"),)),
        ("paris-1", "dc2", (("pryv_core", "co3"),)),
        ("registry", "dc1", (("pryv_role", "registry"),)),
        ("replica", "dc2", (("pryv_role", "replica"),)),
        ("static", "dc1", (("pryv_role", "static"),)),
    ]


def test_a_node_has_the_volumes_and_networks_that_its_jobs_name(tmp_path: Path) -> None:
    co1, *_, registry, _, static = wishes(_cluster(tmp_path, "false"))
    assert "data-co1" in co1.volumes
    assert "pryv-redis-data" not in co1.volumes
    assert "pryv-redis-data" in registry.volumes
    assert not set(registry.volumes) & set(co1.volumes)
    assert static.volumes == ()
    assert co1.networks == ("backend", "public")


def test_a_single_machine_has_all_roles_but_the_replica(tmp_path: Path) -> None:
    machine, replica = wishes(_cluster(tmp_path, "true"))
    assert dict(machine.meta) == {"pryv_core": "co1", "pryv_role": "registry,static"}
    assert {"data-co1", "pryv-redis-data"} <= set(machine.volumes)
    assert replica.name == "replica"
