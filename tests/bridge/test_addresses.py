"""Where the machines that are no core's are: from Nomad's nodes to Consul KV, before a name server waits for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pryv_nomad.bridge.addresses import Unaddressed, address_for, record_addresses, unaddressed
from pryv_nomad.clients.consul import Consul
from pryv_nomad.model.load import load_cluster
from pryv_nomad.settings.snippets import address_key

DOMAIN = "pryv.example"
SMALLEST: dict[str, Any] = {
    "platform": {"domain": DOMAIN, "name": "Lab"},
    "release": "1.9.2",
    "datacenters": ["dc1"],
    "hostings": {"ch": {"datacenter": "dc1", "url": "https://ch.example", "name": "Switzerland"}},
    "cores": [{"name": "co1", "hosting": "ch"}],
}


def node(name: str, roles: str = "", public: str = "", address: str = "", status: str = "ready") -> dict[str, Any]:
    meta = {"pryv_role": roles, "pryv_public_ip": public}
    meta = {key: value for key, value in meta.items() if value}
    return {"ID": name, "Name": name, "Status": status, "Meta": meta, "HTTPAddr": f"{address}:4646" if address else ""}


class Nodes:
    """As much of Nomad as is asked here."""

    def __init__(self, *nodes: dict[str, Any]) -> None:
        self._nodes = {each["ID"]: each for each in nodes}

    def nodes(self, *, resources: bool) -> list[dict[str, Any]]:
        assert not resources
        return [{key: each[key] for key in ("ID", "Name", "Status")} for each in self._nodes.values()]

    def node(self, node_id: str) -> dict[str, Any]:
        return self._nodes[node_id]


def wanted(folder: Path, **more: Any) -> tuple[Unaddressed, ...]:
    file = folder / "cluster.yml"
    file.write_text(yaml.safe_dump(SMALLEST | more))
    return unaddressed(load_cluster([file], env={}))


def test_machines_without_an_address_in_the_file_are_asked_for(tmp_path: Path) -> None:
    assert wanted(tmp_path) == (Unaddressed("registry"), Unaddressed("static"))
    replica = {"registry": {"node": "reg", "replica": {"node": "reg2"}}, "static": {"ip": "192.0.2.3"}}
    assert wanted(tmp_path, **replica) == (Unaddressed("registry", "reg"), Unaddressed("replica", "reg2"))
    ips = {"registry": {"ip": "192.0.2.1", "replica": {"ip": "192.0.2.2"}}, "static": {"ip": "192.0.2.3"}}
    assert wanted(tmp_path, **ips) == ()


def test_a_single_machine_has_one_address(tmp_path: Path) -> None:
    assert wanted(tmp_path, platform=SMALLEST["platform"] | {"single_machine": True}) == (Unaddressed("registry"),)


@pytest.mark.parametrize(
    ("nodes", "address", "warned"),
    [
        ([node("a", "registry", "192.0.2.7", "10.0.0.7")], "192.0.2.7", ""),
        ([node("a", "static, registry", "192.0.2.7")], "192.0.2.7", ""),
        ([node("a", "registry", address="10.0.0.7")], "10.0.0.7", "private"),
        ([node("a", "registry", address="8.8.8.8")], "8.8.8.8", ""),
        ([node("a", "registry-2", "192.0.2.7")], "", "no address known"),
        ([node("a", "registry", "192.0.2.7", status="down")], "", "no address known"),
        ([node("b", "registry", "192.0.2.8"), node("a", "registry", "192.0.2.7")], "192.0.2.7", ""),
        ([], "", "no address known"),
    ],
)
def test_the_address_is_the_node_s(nodes: list[dict[str, Any]], address: str, warned: str) -> None:
    found, warnings = address_for(Unaddressed("registry"), nodes, "")
    assert found == address
    assert len(warnings) == bool(warned)
    assert warned in "".join(warnings)


def test_a_named_node_is_the_machine_whatever_its_meta() -> None:
    nodes = [node("a", "registry", "192.0.2.7"), node("b", "", "192.0.2.8")]
    assert address_for(Unaddressed("registry", "b"), nodes, "") == ("192.0.2.8", ())


def test_a_known_address_stays_while_nothing_contradicts_it() -> None:
    nodes = [node("a", "registry", "192.0.2.7"), node("b", "registry", "192.0.2.8")]
    assert address_for(Unaddressed("registry"), nodes, "192.0.2.8") == ("192.0.2.8", ())
    assert address_for(Unaddressed("registry"), [], "192.0.2.8") == ("192.0.2.8", ())
    assert address_for(Unaddressed("registry"), nodes[:1], "192.0.2.8") == ("192.0.2.7", ())


def test_addresses_are_written_once_and_followed(consul: Consul) -> None:
    machines = (Unaddressed("registry"), Unaddressed("static"))
    nodes: Any = Nodes(node("a", "registry", "192.0.2.7"))
    warnings = record_addresses(consul, nodes, DOMAIN, machines)
    assert len(warnings) == 1
    assert "static" in warnings[0]
    key = address_key(DOMAIN, "registry")
    written = consul.kv_get(key)
    assert written is not None
    assert written[0] == b"192.0.2.7"
    assert consul.kv_get(address_key(DOMAIN, "static")) is None
    nodes = Nodes(node("a", "registry,static", "192.0.2.7"))
    assert record_addresses(consul, nodes, DOMAIN, machines) == []
    assert consul.kv_get(key) == written
    moved: Any = Nodes(node("b", "registry,static", "192.0.2.9"))
    assert record_addresses(consul, moved, DOMAIN, machines) == []
    found = consul.kv_get(key)
    assert found is not None
    assert found[0] == b"192.0.2.9"
