"""Nodes that go, come back and drain."""

from __future__ import annotations

import pytest

from pryv_nomad.simulator import NodeSpec
from pryv_nomad.simulator.errors import Refusal
from pryv_nomad.simulator.faults import NodeLost
from simulator.specs import SECOND, allocs, changed, cluster, deployed, job, live, pinned, register, task, update

MIGRATE = {"MinHealthyTime": SECOND, "HealthCheck": "task_states"}


def test_a_lost_node_is_noticed_and_its_allocations_are_placed_elsewhere() -> None:
    simulator = cluster(nodes=2)
    deployed(simulator, job())
    (before,) = live(simulator)
    simulator.inject(NodeLost(before.node_name))
    simulator.advance(9)
    assert before.status == "running"
    simulator.advance(2)
    assert simulator.cluster.named(before.node_name).status == "down"
    assert (before.status, before.desired_description) == ("lost", "alloc is lost since its node is down")
    (after,) = [alloc for alloc in allocs(simulator) if alloc.desired == "run"]
    assert after.previous == before.id
    assert after.node_id != before.node_id


def test_a_pinned_core_comes_back_with_its_node() -> None:
    simulator = cluster()
    spec = pinned(job(), "co1")
    deployed(simulator, spec)
    simulator.inject(NodeLost("n1", for_seconds=120))
    simulator.advance(60)
    assert live(simulator) == []
    blocked = simulator.state.blocked["default", "web"]
    assert blocked.status == "blocked"
    assert blocked.failed_groups is not None
    assert blocked.failed_groups["api"]["ConstraintFiltered"] == {
        "${meta.pryv_core} = co1": 1,
        "computed class ineligible": 1,
    } or blocked.failed_groups["api"]["ConstraintFiltered"] == {"${meta.pryv_core} = co1": 2}
    assert simulator.run_until(lambda: len(live(simulator)) == 1, 120)
    assert live(simulator)[0].node_name == "n1"
    assert simulator.state.blocked == {}


def test_a_node_that_is_back_before_anyone_noticed_has_lost_nothing_in_a_partition() -> None:
    simulator = cluster()
    deployed(simulator, pinned(job(), "co1"))
    (before,) = live(simulator)
    simulator.inject(NodeLost("n1", for_seconds=5, partition=True))
    simulator.advance(60)
    assert live(simulator) == [before]


def test_a_crashed_node_that_is_back_at_once_starts_its_tasks_again() -> None:
    simulator = cluster()
    deployed(simulator, pinned(job(), "co1"))
    (before,) = live(simulator)
    started = before.tasks["main"].started
    simulator.inject(NodeLost("n1", for_seconds=5))
    simulator.advance(60)
    assert live(simulator) == [before]
    assert before.tasks["main"].started > started


def test_a_partition_with_max_client_disconnect_makes_no_second_allocation_and_ends_as_it_began() -> None:
    simulator = cluster(nodes=2)
    patient = changed(
        job(ReschedulePolicy={"Attempts": 0, "Unlimited": False}),
        lambda group: group.update(MaxClientDisconnect=3600 * SECOND),
    )
    deployed(simulator, pinned(patient, "co1"))
    (before,) = live(simulator)
    simulator.inject(NodeLost("n1", for_seconds=600, partition=True))
    simulator.advance(60)
    assert simulator.cluster.named("n1").status == "disconnected"
    assert before.status == "unknown"
    assert [alloc for alloc in allocs(simulator) if alloc.id != before.id] == []
    simulator.advance(600)
    assert live(simulator) == [before]
    assert simulator.cluster.named("n1").status == "ready"


def test_an_unknown_allocation_is_lost_when_its_time_is_over() -> None:
    simulator = cluster(nodes=2)
    patient = changed(job(), lambda group: group.update(MaxClientDisconnect=100 * SECOND))
    deployed(simulator, patient)
    (before,) = live(simulator)
    simulator.inject(NodeLost(before.node_name, partition=True))
    simulator.advance(60)
    assert before.status == "unknown"
    simulator.advance(120)
    assert before.status == "lost"
    assert len(live(simulator)) == 1


def test_a_drain_moves_one_of_a_group_at_a_time() -> None:
    simulator = cluster(nodes=2)
    ports = [{"Label": "x", "Value": 80}]
    spec = job(Networks=[{"ReservedPorts": ports}], Migrate=MIGRATE)
    deployed(simulator, spec)
    (before,) = live(simulator)
    node = simulator.cluster.named(before.node_name)
    simulator.drainer.set(node, {"Deadline": 3600 * SECOND}, eligible=False)
    simulator.settle()
    assert before.desired_description == "alloc is being migrated"
    assert simulator.run_until(lambda: node.drain is None, 60)
    assert (node.eligibility, node.status) == ("ineligible", "ready")
    assert node.last_drain is not None
    assert node.last_drain["Status"] == "complete"
    simulator.advance(2)
    assert live(simulator)[0].node_id != node.id


def test_a_drain_waits_for_the_health_of_what_moved() -> None:
    simulator = cluster(nodes=3)
    spec = job(Count=4, Migrate={"MinHealthyTime": 10 * SECOND, "HealthCheck": "task_states", "MaxParallel": 1})
    deployed(simulator, spec)
    crowded = max(simulator.state.nodes.values(), key=lambda node: len(node.allocs))
    assert len(crowded.allocs) == 2
    simulator.drainer.set(crowded, {"Deadline": 3600 * SECOND}, eligible=False)
    simulator.settle()
    simulator.advance(5)
    assert len(crowded.allocs) == 1
    assert simulator.run_until(lambda: crowded.drain is None, 60)
    assert simulator.run_until(lambda: len(live(simulator)) == 4, 10)


def test_the_deadline_of_a_drain_moves_everything() -> None:
    simulator = cluster(nodes=1)
    deployed(simulator, job(Count=3, Migrate={"MinHealthyTime": SECOND, "HealthCheck": "task_states"}))
    node = simulator.cluster.named("n0")
    simulator.drainer.set(node, {"Deadline": 30 * SECOND}, eligible=False)
    simulator.settle()
    simulator.advance(20)
    assert len(live(simulator)) == 2
    simulator.advance(20)
    assert live(simulator) == []
    simulator.drainer.set(node, None, eligible=True)
    simulator.cluster.set_eligibility(node, True)
    simulator.settle()
    assert simulator.run_until(lambda: len(live(simulator)) == 3, 60)


def test_a_draining_node_cannot_be_made_eligible() -> None:
    simulator = cluster(nodes=1)
    deployed(simulator, job(Count=2))
    node = simulator.cluster.named("n0")
    simulator.drainer.set(node, {"Deadline": 0}, eligible=False)
    with pytest.raises(Refusal, match="while it is draining"):
        simulator.cluster.set_eligibility(node, True)


def test_a_system_job_follows_the_nodes() -> None:
    simulator = cluster(nodes=2)
    spec = {**job("logs"), "Type": "system"}
    del spec["TaskGroups"][0]["ReschedulePolicy"]
    register(simulator, spec)
    simulator.advance(2)
    assert {alloc.node_name for alloc in live(simulator, "logs")} == {"n0", "n1"}
    simulator.add_node(NodeSpec("n2"))
    simulator.advance(2)
    assert {alloc.node_name for alloc in live(simulator, "logs")} == {"n0", "n1", "n2"}
    simulator.inject(NodeLost("n2"))
    simulator.advance(20)
    assert {alloc.node_name for alloc in live(simulator, "logs")} == {"n0", "n1"}


def test_a_system_job_is_replaced_in_steps() -> None:
    simulator = cluster(nodes=3)
    spec = {**job("logs", Update=update(Stagger=30 * SECOND)), "Type": "system"}
    spec["Update"] = {"MaxParallel": 1, "Stagger": 30 * SECOND}
    del spec["TaskGroups"][0]["ReschedulePolicy"]
    register(simulator, spec)
    simulator.advance(2)
    register(simulator, changed(spec, lambda group: group.update(Tasks=[task(image="logs:2")])))
    simulator.advance(5)
    assert sorted(alloc.job.version for alloc in live(simulator, "logs")) == [0, 0, 1]
    simulator.advance(60)
    assert [alloc.job.version for alloc in live(simulator, "logs")] == [1, 1, 1]


def test_a_node_that_offers_more_takes_what_waited() -> None:
    simulator = cluster(nodes=1)
    spec = changed(job(), lambda group: group["Tasks"][0]["Resources"].update(MemoryMB=50_000))
    register(simulator, spec)
    simulator.advance(10)
    assert live(simulator) == []
    simulator.add_node(NodeSpec("n0", memory=64_000))
    assert simulator.run_until(lambda: len(live(simulator)) == 1, 10)
    assert [node.name for node in simulator.state.nodes.values()] == ["n0"]


def test_an_unknown_key_of_a_node_is_refused() -> None:
    with pytest.raises(Refusal, match="unknown key of a node: cpus"):
        NodeSpec.from_json({"name": "n1", "cpus": 4})
    with pytest.raises(Refusal, match="a node needs a name"):
        NodeSpec.from_json({"meta": {}})
