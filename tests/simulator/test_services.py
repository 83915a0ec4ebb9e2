"""The services of jobs in the simulator's Consul."""

from __future__ import annotations

from typing import Any

from pryv_nomad.simulator import Simulator
from pryv_nomad.simulator.faults import NeverHealthy
from simulator.specs import SECOND, allocs, cluster, deployed, deployment, job, live, register, update, with_image

Json = dict[str, Any]

SERVICE = {
    "Name": "pryv-core-api",
    "PortLabel": "http",
    "Tags": ["co1"],
    "CanaryTags": ["co1-canary"],
    "Meta": {"core": "co1"},
    "Checks": [{"Type": "http", "Path": "/", "Interval": SECOND, "Timeout": SECOND}],
}
NETWORKS = [{"DynamicPorts": [{"Label": "http", "HostNetwork": "private"}]}]


def spec(**values: Any) -> Json:
    checked = update(HealthCheck="checks", **values)
    return job(Services=[SERVICE], Networks=NETWORKS, Update=checked)


def instances(simulator: Simulator) -> list[Json]:
    simulator.consul.sync()
    found = simulator.consul.catalog.instances("pryv-core-api", [])
    return [{**node.instance(service), "Passing": node.passing(service)} for node, service in found]


def test_a_service_comes_with_its_allocation_and_goes_with_it() -> None:
    simulator = cluster()
    register(simulator, spec())
    assert instances(simulator) == []
    simulator.advance(0.5)
    (starting,) = instances(simulator)
    assert starting["Passing"] is False
    simulator.advance(5)
    (running,) = instances(simulator)
    (alloc,) = live(simulator)
    port = alloc.resources["Shared"]["Ports"][0]
    assert (running["ServicePort"], running["ServiceAddress"]) == (port["Value"], "10.1.0.1")
    assert (running["ServiceTags"], running["Node"]) == (["co1"], alloc.node_name)
    assert running["ServiceMeta"] == {"external-source": "nomad", "core": "co1"}
    assert running["ServiceID"].startswith(f"_nomad-task-{alloc.id}-group-api-pryv-core-api-http")
    assert running["Passing"] is True
    simulator.jobs.deregister(("default", "web"), purge=False)
    simulator.settle()
    assert instances(simulator) == []


def test_a_canary_has_its_own_tags_until_it_is_promoted() -> None:
    simulator = cluster()
    first = spec(Canary=1)
    deployed(simulator, first)
    register(simulator, with_image(first, "core:2"))
    simulator.advance(10)
    assert sorted(item["ServiceTags"] for item in instances(simulator)) == [["co1"], ["co1-canary"]]
    simulator.deployments.promote(deployment(simulator), None)
    simulator.advance(10)
    assert [item["ServiceTags"] for item in instances(simulator)] == [["co1"]]


def test_changed_tags_change_the_service_of_the_same_allocation() -> None:
    simulator = cluster()
    deployed(simulator, spec())
    (before,) = instances(simulator)
    changed = spec()
    changed["TaskGroups"][0]["Services"] = [{**SERVICE, "Tags": ["co1", "new"]}]
    deployed(simulator, changed)
    (after,) = instances(simulator)
    assert (after["ServiceID"], after["ServiceTags"]) == (before["ServiceID"], ["co1", "new"])
    assert len(allocs(simulator)) == 1


def test_a_service_that_is_never_healthy_stays_critical() -> None:
    simulator = cluster()
    simulator.inject(NeverHealthy())
    register(simulator, spec())
    simulator.advance(10)
    assert [item["Passing"] for item in instances(simulator)] == [False]
    assert simulator.consul.catalog.names()["pryv-core-api"] == ["co1"]


def test_a_service_of_nomad_is_not_in_consul() -> None:
    simulator = cluster()
    native = job(Services=[{**SERVICE, "Provider": "nomad"}], Networks=NETWORKS)
    deployed(simulator, native)
    assert instances(simulator) == []


def test_a_session_ends_after_twice_its_time() -> None:
    simulator = cluster()
    session = simulator.consul.create_session({"TTL": "10s", "LockDelay": "15s"})
    assert simulator.consul.put("lock", b"x", acquire=session)
    simulator.advance(15)
    simulator.consul.renew_session(session)
    simulator.advance(19)
    assert session in simulator.consul.sessions
    simulator.advance(2)
    assert session not in simulator.consul.sessions
    other = simulator.consul.create_session({"TTL": "10s"})
    assert not simulator.consul.put("lock", b"y", acquire=other)
    simulator.advance(13)
    assert not simulator.consul.put("lock", b"y", acquire=other)
    simulator.consul.renew_session(other)
    simulator.advance(2)
    assert simulator.consul.put("lock", b"y", acquire=other)


def test_a_session_lives_by_the_clock_of_its_holder_when_time_runs_faster() -> None:
    simulator = Simulator(seed=1)
    simulator.consul.pace = lambda: 100.0
    session = simulator.consul.create_session({"TTL": "10s"})
    simulator.advance(1990)
    assert session in simulator.consul.sessions
    simulator.consul.renew_session(session)
    simulator.advance(1990)
    assert session in simulator.consul.sessions
    simulator.advance(20)
    assert session not in simulator.consul.sessions
