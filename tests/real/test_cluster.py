"""The local cluster on a real Nomad: static ports of several nodes side by side, and nothing left behind."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from pryv_nomad.dev import DevCluster, NodeWish, down, interfaces, leftovers, processes, status
from pryv_nomad.dev.ready import get
from pryv_nomad.model.release import Component
from tests.real import standins
from tests.real.conftest import Starter, obstacle

IMAGE = "pryv-nomad-tests/listener:1"
LISTENER = Component.model_validate(
    {"image": IMAGE, "role": "edge", "ports": {"http": {"port": 80}}, "volumes": {"data": "/app/data"}, "user": "9999"}
)
NODES = [
    NodeWish("co1", "dc1", (("pryv_core", "co1"),), ("data",)),
    NodeWish("co2", "dc2", (("pryv_core", "co2"),), ("data",)),
]


def _job(core: str) -> dict[str, Any]:
    """A job on one node's static port 80, as a core's edge has it."""
    port = {"Label": "http", "Value": 80, "To": 80, "HostNetwork": "private"}
    check = {"Type": "http", "Path": "/", "Interval": 1_000_000_000, "Timeout": 1_000_000_000}
    task = {
        "Name": "listener",
        "Driver": "docker",
        "Config": {"image": IMAGE, "ports": ["http"]},
        "VolumeMounts": [{"Volume": "data", "Destination": "/app/data"}],
        "Resources": {"CPU": 50, "MemoryMB": 32},
    }
    group = {
        "Name": "edge",
        "Networks": [{"ReservedPorts": [port]}],
        "Volumes": {"data": {"Name": "data", "Type": "host", "Source": "data"}},
        "Services": [{"Name": "listener", "PortLabel": "http", "Tags": [core], "Checks": [check]}],
        "Update": {"HealthCheck": "checks", "MinHealthyTime": 1_000_000_000, "MaxParallel": 1},
        "Tasks": [task],
    }
    return {
        "ID": core,
        "Datacenters": ["dc1", "dc2"],
        "Constraints": [{"LTarget": "${meta.pryv_core}", "RTarget": core, "Operand": "="}],
        "TaskGroups": [group],
    }


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """The listener's image; it outlives the cluster that runs it."""
    if obstacles := [*filter(None, [obstacle()]), *standins.obstacles([IMAGE])]:
        pytest.skip("; ".join(obstacles))
    with standins.made({IMAGE: ("listener", LISTENER)}):
        yield IMAGE


@pytest.fixture(scope="module")
def cluster(image: str, start_cluster: Starter) -> DevCluster:
    cluster = start_cluster(NODES)
    for core in ("co1", "co2"):
        _nomad(cluster, f"/v1/job/{core}", "PUT", {"Job": _job(core)})
    return cluster


def _nomad(cluster: DevCluster, path: str, method: str = "GET", body: object = None) -> Any:
    return get("127.0.0.1", int(cluster.nomad.rpartition(":")[2]), path, method, body)


def _healthy(cluster: DevCluster, core: str) -> bool:
    deployment = _nomad(cluster, f"/v1/job/{core}/deployment") or {}
    return deployment.get("Status") == "successful"


def test_nodes_hold_the_same_static_port_side_by_side(cluster: DevCluster) -> None:
    for core in ("co1", "co2"):
        assert processes.wait_until(lambda core=core: _healthy(cluster, core), patience=60, pause=0.2), core
        with urllib.request.urlopen(f"http://{cluster.nodes[core]}:80/", timeout=5) as answer:
            assert answer.read() == b"stand-in\n"


def test_services_are_registered_by_the_agent_of_their_own_node(cluster: DevCluster) -> None:
    services = get("127.0.0.1", int(cluster.consul.rpartition(":")[2]), "/v1/catalog/service/listener")
    assert {(each["Node"], each["ServiceAddress"], *each["ServiceTags"]) for each in services} == {
        ("co1", cluster.nodes["co1"], "co1"),
        ("co2", cluster.nodes["co2"], "co2"),
    }


def test_starting_it_twice_changes_nothing(cluster: DevCluster, start_cluster: Starter) -> None:
    assert start_cluster(NODES).started == ()


def test_an_agent_that_died_is_started_again(cluster: DevCluster, start_cluster: Starter) -> None:
    (pid,) = [pid for pid, _ in processes.marked(cluster.folder) if b"nodes/co2/nomad.json" in _command(pid)]
    processes.end([(pid, processes.started_at(pid))])
    state = status(cluster.folder)
    assert state is not None
    assert state.ended == ("nomad-co2",)
    assert start_cluster(NODES).started == ("nomad-co2",)


def test_a_node_that_is_not_wished_any_more_goes_with_its_containers(
    cluster: DevCluster, start_cluster: Starter
) -> None:
    after = start_cluster(NODES[:1])
    assert list(after.nodes) == ["co1"]
    assert len(_containers()) == 1


def test_it_leaves_nothing_behind(cluster: DevCluster) -> None:
    folder = cluster.folder
    assert leftovers.allocations(folder)
    assert down(folder)
    assert not folder.exists()
    assert _containers() == []
    assert processes.marked(folder) == []
    links = json.loads(subprocess.run(["ip", "-json", "link"], capture_output=True, check=True, timeout=10).stdout)
    assert [link["ifname"] for link in links if link.get("ifname", "").startswith(interfaces.prefix(folder))] == []
    assert not down(folder)


def _containers() -> list[str]:
    command = ["docker", "ps", "--all", "--quiet", "--filter", f"ancestor={IMAGE}"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.split()


def _command(pid: int) -> bytes:
    from pathlib import Path

    return Path(f"/proc/{pid}/cmdline").read_bytes()
