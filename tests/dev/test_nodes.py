"""From a platform to the machines it wants, and to their addresses."""

from __future__ import annotations

import pytest

from pryv_nomad.dev.nodes import NodeWish, one_node, placed
from pryv_nomad.errors import MissingPrerequisite

CO1 = NodeWish("co1", "dc1", (("pryv_core", "co1"),), ("core-data",))
CO2 = NodeWish("co2", "dc2", (("pryv_core", "co2"),), ("core-data", "backup"))
REGISTRY = NodeWish("registry", "dc1", (("pryv_role", "registry"),), ("redis-data",))


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
    (node,) = one_node([CO1, CO2, REGISTRY])
    assert dict(node.meta) == {"pryv_core": "co1", "pryv_role": "registry"}
    assert node.volumes == ("backup", "core-data", "redis-data")
    assert node.datacenter == "dc1"
