"""Same seed and same calls, same events; and what must hold whatever is done (design.md, "Invariants")."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pryv_nomad.simulator import Simulator
from pryv_nomad.simulator.errors import Refusal
from pryv_nomad.simulator.faults import NodeLost, TaskFails
from pryv_nomad.simulator.usage import group_need, taken_ports
from simulator.specs import SECOND, allocs, cluster, job, task, update

Json = dict[str, Any]

JOBS = ("a", "b")

_STEPS = st.one_of(
    st.tuples(st.just("register"), st.sampled_from(JOBS), st.integers(0, 3), st.integers(0, 2), st.integers(1, 3)),
    st.tuples(st.just("advance"), st.sampled_from((0.1, 1.0, 5.0, 40.0))),
    st.tuples(st.just("promote"), st.sampled_from(JOBS)),
    st.tuples(st.just("fail"), st.sampled_from(JOBS)),
    st.tuples(st.just("stop"), st.sampled_from(JOBS)),
    st.tuples(st.just("lose"), st.integers(0, 2), st.booleans()),
    st.tuples(st.just("drain"), st.integers(0, 2), st.booleans()),
    st.tuples(st.just("break"), st.sampled_from(JOBS), st.integers(1, 2)),
)
STEPS = st.lists(_STEPS, min_size=1, max_size=14)


def _spec(name: str, image: int, canaries: int, count: int) -> Json:
    ports = [{"Label": "web", "Value": 8080 if name == "a" else 8081}]
    return job(
        name,
        Count=count,
        Update=update(Canary=canaries, MaxParallel=1, AutoRevert=image % 2 == 1),
        ReschedulePolicy={"Unlimited": True, "Delay": 5 * SECOND, "DelayFunction": "constant"},
        Networks=[{"ReservedPorts": ports, "DynamicPorts": [{"Label": "p", "HostNetwork": "private"}]}],
        Tasks=[task(image=f"core:{image}")],
    )


def _step(simulator: Simulator, step: tuple[Any, ...]) -> None:
    kind, *values = step
    if kind == "register":
        simulator.jobs.register({"Job": _spec(*values)}, "default")
    elif kind == "advance":
        simulator.advance(values[0])
    elif kind == "stop":
        simulator.jobs.deregister(("default", values[0]), purge=False)
    elif kind == "lose":
        simulator.inject(NodeLost(f"n{values[0]}", for_seconds=30, partition=values[1]))
    elif kind == "drain":
        node = simulator.cluster.named(f"n{values[0]}")
        simulator.drainer.set(node, {"Deadline": 20 * SECOND} if values[1] else None, eligible=True)
    elif kind == "break":
        simulator.inject(TaskFails(job=values[0], times=values[1]))
    else:
        _decide(simulator, kind, values[0])
    simulator.settle()


def _decide(simulator: Simulator, kind: str, name: str) -> None:
    latest = simulator.state.latest_deployment(("default", name))
    if latest is None:
        return
    try:
        simulator.deployments.promote(latest, None) if kind == "promote" else simulator.deployments.fail(latest)
    except Refusal:
        # Not healthy, or over: a refusal changes nothing, which the event log shows.
        return


def _run(steps: list[tuple[Any, ...]], seed: int = 7) -> Simulator:
    simulator = cluster(seed=seed)
    for step in steps:
        _step(simulator, step)
        _check(simulator)
    simulator.advance(300)
    _check(simulator)
    return simulator


def _check(simulator: Simulator) -> None:
    _check_ports(simulator)
    _check_use(simulator)
    _check_counts(simulator)


def _check_ports(simulator: Simulator) -> None:
    """Never two allocations on one port of one node."""
    for node in simulator.state.nodes.values():
        here = [simulator.state.allocs[key] for key in node.allocs]
        taken = Counter(pair for alloc in here for pair in taken_ports(alloc))
        assert max(taken.values(), default=1) == 1


def _check_use(simulator: Simulator) -> None:
    """What a node counts as taken is what its allocations take, and no more than it has."""
    for node in simulator.state.nodes.values():
        here = [simulator.state.allocs[key] for key in node.allocs]
        assert all(not alloc.terminal for alloc in here)
        needs = [group_need(alloc.job.groups[alloc.group]) for alloc in here]
        assert (node.cpu_used, node.memory_used) == (sum(n[0] for n in needs), sum(n[1] for n in needs))
        assert node.cpu_used <= node.spec.cpu
        placed = {a.id for a in simulator.state.allocs.values() if a.node_id == node.id and not a.terminal}
        assert placed == set(node.allocs)


def _check_counts(simulator: Simulator) -> None:
    """Never more canaries than asked, never more placed by a job than its count and canaries together."""
    for deployment in simulator.state.deployments.values():
        for name, group in deployment.groups.items():
            of_deployment = [a for a in allocs(simulator, deployment.job_id) if a.deployment_id == deployment.id]
            canaries = [a for a in of_deployment if a.group == name and a.canary and not a.terminal]
            assert len(canaries) <= group.desired_canaries
    for key, current in simulator.state.jobs.items():
        most = max(version.groups["api"]["Count"] for version in simulator.state.versions[key])
        asked = max((version.groups["api"]["Update"]["Canary"] for version in simulator.state.versions[key]), default=0)
        there = [a for a in allocs(simulator, current.id) if not a.terminal]
        assert len(there) <= most + asked


@given(STEPS)
@settings(max_examples=60)
def test_the_same_calls_give_the_same_events_and_nothing_is_given_twice(steps: list[tuple[Any, ...]]) -> None:
    first, second = _run(steps), _run(steps)
    assert first.state.events.log == second.state.events.log
    assert first.now == second.now


def test_another_seed_gives_other_identifiers_and_the_same_story() -> None:
    steps: list[tuple[Any, ...]] = [
        ("register", "a", 0, 1, 2), ("advance", 40.0), ("register", "a", 1, 1, 2), ("advance", 40.0), ("promote", "a"),
    ]  # fmt: skip
    one, other = _run(steps, seed=1), _run(steps, seed=2)
    assert one.state.events.log is not None
    assert other.state.events.log is not None
    assert [entry[4] for entry in one.state.events.log] == [entry[4] for entry in other.state.events.log]
    assert set(one.state.allocs) != set(other.state.allocs)


@given(STEPS)
@settings(max_examples=30)
def test_a_trial_changes_nothing(steps: list[tuple[Any, ...]]) -> None:
    simulator = _run(steps)
    before = (simulator.state.index, list(simulator.state.events.log or []))
    for name in JOBS:
        for image in (0, 5):
            simulator.jobs.plan(name, {"Job": _spec(name, image, 1, 3), "Diff": True}, "default")
    _check(simulator)
    assert (simulator.state.index, list(simulator.state.events.log or [])) == before
