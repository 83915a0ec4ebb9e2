"""Placements that fail, and why; where allocations go and what they get."""

from __future__ import annotations

from typing import Any

import pytest

from contract.world import World, changed, job_spec, task
from tests.ports import free_ports

Json = dict[str, Any]


def blocked(nomad: World, job: Json) -> Json:
    """The metrics of the group that a registration could not place, seen in the evaluation and the blocked one."""
    evaluation = nomad.evaluated(nomad.register(job)["EvalID"])
    assert evaluation["Status"] == "complete"
    waiting = nomad.client.evaluation(evaluation["BlockedEval"])
    assert (waiting["Status"], waiting["TriggeredBy"]) == ("blocked", "queued-allocs")
    assert waiting["StatusDescription"] == "created to place remaining allocations"
    assert waiting["PreviousEval"] == evaluation["ID"]
    assert set(waiting["FailedTGAllocs"]) == {"api"}
    metrics: Json = evaluation["FailedTGAllocs"]["api"]
    return metrics


def test_a_constraint_that_no_node_meets(nomad: World) -> None:
    job = job_spec(nomad.name("pinned"), Count=2)
    job["Constraints"] = [{"LTarget": "${meta.pryv_core}", "Operand": "=", "RTarget": "co9"}]
    metrics = blocked(nomad, job)
    assert metrics["ConstraintFiltered"] == {"${meta.pryv_core} = co9": 1}
    assert metrics["DimensionExhausted"] is None
    assert metrics["CoalescedFailures"] == 1
    summary = {key: metrics[key] for key in ("NodesAvailable", "NodesEvaluated", "NodesFiltered", "NodesExhausted")}
    assert summary == {"NodesAvailable": {"dc1": 1}, "NodesEvaluated": 1, "NodesFiltered": 1, "NodesExhausted": 0}
    assert nomad.client.job(job["ID"])["Status"] == "pending"
    assert nomad.client.job_summary(job["ID"])["Summary"]["api"]["Queued"] == 2
    deployment = nomad.client.latest_deployment(job["ID"])
    assert deployment is not None
    assert deployment["Status"] == "running"
    assert deployment["TaskGroups"]["api"]["RequireProgressBy"] is None


@pytest.mark.parametrize(
    ("constraint", "placed"),
    [
        ({"LTarget": "${meta.pryv_core}", "Operand": "regexp", "RTarget": "^co[0-9]+$"}, True),
        ({"LTarget": "${meta.pryv_core}", "Operand": "!=", "RTarget": "co1"}, False),
        ({"LTarget": "${meta.nothing}", "Operand": "!=", "RTarget": "co1"}, True),
        ({"LTarget": "${meta.pryv_core}", "Operand": "set_contains_any", "RTarget": "co1,co2"}, True),
        ({"LTarget": "${meta.pryv_core}", "Operand": "set_contains", "RTarget": "co1,co2"}, False),
        ({"LTarget": "${attr.nomad.version}", "Operand": "version", "RTarget": ">= 1.6, < 3"}, True),
        ({"LTarget": "${attr.nomad.version}", "Operand": "semver", "RTarget": ">= 99.0.0"}, False),
        ({"LTarget": "${meta.pryv_core}", "Operand": "is_set"}, True),
        ({"LTarget": "${meta.pryv_core}", "Operand": "is_not_set"}, False),
        ({"LTarget": "${node.datacenter}", "Operand": "=", "RTarget": "dc1"}, True),
        ({"LTarget": "${node.class}", "Operand": "=", "RTarget": "big"}, False),
        ({"LTarget": "${attr.kernel.name}", "Operand": "=", "RTarget": "linux"}, True),
        ({"LTarget": "${meta.nothing}", "Operand": "=", "RTarget": "x"}, False),
        ({"LTarget": "${node.unique.name}", "Operand": ">", "RTarget": "a"}, True),
    ],
    ids=lambda value: (
        f"{value['LTarget']} {value['Operand']} {value.get('RTarget')}" if isinstance(value, dict) else ""
    ),
)
def test_constraints(nomad: World, constraint: Json, placed: bool) -> None:
    job = job_spec(nomad.name("constrained"))
    job["Constraints"] = [constraint]
    failed = nomad.client.plan(job, diff=False)["FailedTGAllocs"]
    assert (failed is None) is placed
    if failed is not None:
        name = f"{constraint['LTarget']} {constraint['Operand']} {constraint.get('RTarget', '')}"
        assert failed["api"]["ConstraintFiltered"] == {name: 1}


def test_a_datacenter_without_nodes(nomad: World) -> None:
    job = {**job_spec(nomad.name("elsewhere")), "Datacenters": ["dc9"]}
    metrics = nomad.client.plan(job, diff=False)["FailedTGAllocs"]["api"]
    assert (metrics["NodesEvaluated"], metrics["NodesAvailable"]) == (0, {})


def test_datacenters_may_be_patterns(nomad: World) -> None:
    job = {**job_spec(nomad.name("pattern")), "Datacenters": ["dc*"]}
    assert nomad.client.plan(job, diff=False)["FailedTGAllocs"] is None


@pytest.mark.parametrize(("resource", "dimension"), [("CPU", "cpu"), ("MemoryMB", "memory")])
def test_more_than_the_node_has(nomad: World, resource: str, dimension: str) -> None:
    job = job_spec(nomad.name("large"))
    job["TaskGroups"][0]["Tasks"][0]["Resources"][resource] = 900_000
    metrics = nomad.client.plan(job, diff=False)["FailedTGAllocs"]["api"]
    assert metrics["DimensionExhausted"] == {dimension: 1}
    assert metrics["NodesExhausted"] == 1
    assert metrics["ResourcesExhausted"]["main"][resource] == 900_000


def test_a_static_port_is_given_once(nomad: World) -> None:
    (number,) = free_ports(1)
    networks = [{"ReservedPorts": [{"Label": "http", "Value": number, "HostNetwork": "private"}]}]
    first = job_spec(nomad.name("first"), Networks=networks)
    nomad.register(first)
    (alloc,) = nomad.running(first["ID"])
    ports = nomad.client.allocation(alloc["ID"])["AllocatedResources"]["Shared"]["Ports"]
    assert [(port["Label"], port["Value"], port["HostIP"]) for port in ports] == [("http", number, "127.0.0.1")]
    metrics = blocked(nomad, job_spec(nomad.name("second"), Networks=networks))
    assert metrics["DimensionExhausted"] == {f"network: reserved port collision http={number}": 1}
    # A replacement on the same node is no clash: the old one gives its port back.
    plan = nomad.client.plan(changed(first, lambda group: group["Tasks"][0].update(Env={"A": "1"})), diff=False)
    assert plan["FailedTGAllocs"] is None


def test_a_blocked_job_runs_as_soon_as_there_is_room(nomad: World) -> None:
    (number,) = free_ports(1)
    networks = [{"ReservedPorts": [{"Label": "http", "Value": number}]}]
    first = job_spec(nomad.name("holder"), Networks=networks)
    nomad.register(first)
    nomad.running(first["ID"])
    second = job_spec(nomad.name("waiter"), Networks=networks)
    blocked(nomad, second)
    nomad.client.stop(first["ID"])
    assert len(nomad.running(second["ID"])) == 1


def test_dynamic_ports_come_from_their_range(nomad: World) -> None:
    ports = [{"Label": "a", "To": 3000}, {"Label": "b", "HostNetwork": "private"}]
    job = job_spec(nomad.name("dynamic"), Networks=[{"DynamicPorts": ports}])
    nomad.register(job)
    (alloc,) = nomad.running(job["ID"])
    given = nomad.client.allocation(alloc["ID"])["AllocatedResources"]["Shared"]["Ports"]
    assert [(port["Label"], port["To"], port["HostIP"]) for port in given] == [
        ("a", 3000, "127.0.0.1"),
        ("b", 0, "127.0.0.1"),
    ]
    assert all(20_000 <= port["Value"] <= 32_000 for port in given)
    assert given[0]["Value"] != given[1]["Value"]


@pytest.mark.parametrize(
    ("group", "reason"),
    [
        ({"Tasks": [task(Driver="docker", Config={"image": "x"})]}, "missing drivers"),
        ({"Volumes": {"v": {"Type": "host", "Source": "data9"}}}, "missing compatible host volumes"),
        (
            {"Networks": [{"DynamicPorts": [{"Label": "p", "HostNetwork": "nowhere"}]}]},
            'missing host network "nowhere" for port "p"',
        ),
    ],
)
def test_what_a_node_lacks(nomad: World, group: Json, reason: str) -> None:
    if reason == "missing drivers":
        group = {"Tasks": [task(Driver="pot")]}
    job = job_spec(nomad.name("lacking"), **group)
    metrics = nomad.client.plan(job, diff=False)["FailedTGAllocs"]["api"]
    assert metrics["ConstraintFiltered"] == {reason: 1}


def test_distinct_hosts_places_one_on_a_node(nomad: World) -> None:
    job = job_spec(nomad.name("distinct"), Count=2)
    job["Constraints"] = [{"Operand": "distinct_hosts", "RTarget": "true"}]
    metrics = blocked(nomad, job)
    assert len(nomad.running(job["ID"])) == 1
    assert metrics["ConstraintFiltered"] == {"distinct_hosts": 1}


def test_a_host_volume_that_is_there(nomad: World) -> None:
    volumes = {"data": {"Type": "host", "Source": "data1"}}
    job = job_spec(nomad.name("volume"), Volumes=volumes)
    assert nomad.client.plan(job, diff=False)["FailedTGAllocs"] is None


def test_a_system_job_runs_on_each_node_without_a_deployment(nomad: World) -> None:
    job = job_spec(nomad.name("system"))
    job["Type"] = "system"
    del job["TaskGroups"][0]["ReschedulePolicy"]
    nomad.register(job)
    assert len(nomad.running(job["ID"])) == 1
    assert nomad.client.latest_deployment(job["ID"]) is None
    assert nomad.client.job(job["ID"])["Status"] == "running"


def test_a_batch_job_completes(nomad: World) -> None:
    job = job_spec(nomad.name("batch"), Tasks=[task(Config={"command": "/bin/true"})])
    job["Type"] = "batch"
    del job["TaskGroups"][0]["Update"]
    nomad.register(job)
    nomad.allocs(job["ID"], lambda body: [item["ClientStatus"] for item in body] == ["complete"])
    found = nomad.until(f"job/{job['ID']}", lambda body: body["Status"] == "dead")
    assert found["Stop"] is False


def test_a_periodic_job_waits_for_its_time(nomad: World) -> None:
    job = job_spec(nomad.name("periodic"), Tasks=[task(Config={"command": "/bin/true"})])
    job |= {"Type": "batch", "Periodic": {"Spec": "0 4 1 1 *", "TimeZone": "UTC"}}
    del job["TaskGroups"][0]["Update"]
    answer = nomad.client.register(job, enforce_index=0)
    assert answer["EvalID"] == ""
    (stub,) = nomad.client.list_jobs(prefix=job["ID"])
    assert (stub["Periodic"], stub["Status"]) == (True, "running")
    assert nomad.client.allocations_for_job(job["ID"]) == []


def test_a_drained_node_gets_nothing_until_the_drain_ends(nomad: World) -> None:
    (node,) = nomad.client.nodes()
    job = job_spec(nomad.name("drained"))
    nomad.healthy(job)
    nomad.client.drain_node(node["ID"], 60)
    try:
        allocs = nomad.allocs(job["ID"], lambda body: all(item["ClientStatus"] == "complete" for item in body))
        assert [item["DesiredDescription"] for item in allocs] == ["alloc is being migrated"]
        drained = nomad.until(f"node/{node['ID']}", lambda body: body["DrainStrategy"] is None)
        assert (drained["SchedulingEligibility"], drained["Status"]) == ("ineligible", "ready")
        assert drained["LastDrain"]["Status"] == "complete"
    finally:
        nomad.client.drain_node(node["ID"], enable=False)
    assert nomad.client.node(node["ID"])["SchedulingEligibility"] == "eligible"
    assert len(nomad.running(job["ID"])) == 1


def test_an_ineligible_node_keeps_what_runs(nomad: World) -> None:
    (node,) = nomad.client.nodes()
    job = job_spec(nomad.name("kept"))
    nomad.register(job)
    nomad.running(job["ID"])
    nomad.client.node_eligibility(node["ID"], False)
    try:
        other = job_spec(nomad.name("late"))
        evaluation = nomad.evaluated(nomad.register(other)["EvalID"])
        assert evaluation["FailedTGAllocs"]["api"]["NodesEvaluated"] == 0
        assert len(nomad.running(job["ID"])) == 1
    finally:
        nomad.client.node_eligibility(node["ID"], True)
    assert len(nomad.running(other["ID"])) == 1
