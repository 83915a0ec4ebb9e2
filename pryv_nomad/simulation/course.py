"""What becomes of one job after it is registered: recorded once in the simulator, replayed for every job like it.

Five thousand cores differ in their names; the simulator would place and start each of them, and find the same times. So
one job of each kind, hosting and action is run there, by itself on a node of its own, from the registration to the end
of its deployment, and each change of what an operator would see is a frame.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pryv_nomad.dev.nodes import NodeWish
from pryv_nomad.plan.placement import explain
from pryv_nomad.rollout.state import Rollout, Sight
from pryv_nomad.simulator import NodeSpec, Simulator, Timing
from pryv_nomad.simulator.clock import SECOND

Json = dict[str, Any]
NAMESPACE = "default"
# A deployment that takes longer than this has its own deadline behind it, or none at all.
LONGEST_S = 6 * 3600.0
# One without a deployment is looked at this long.
UNDEPLOYED_S = 120.0
ENDED = frozenset({"successful", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Frame:
    """From `at` seconds on: what is seen of the job, and whether one of its groups serves nothing."""

    at: float
    sight: Sight
    down: bool


@dataclass(frozen=True, slots=True)
class Course:
    """`begun` counts from the registration, `promoted` from the promotion (empty where there is none)."""

    begun: tuple[Frame, ...]
    promoted: tuple[Frame, ...] = ()


def with_another_image(job: Mapping[str, Any]) -> Json:
    """The job as it may have been before a release: every image another one, so that every group is replaced."""
    before: Json = json.loads(json.dumps(job))
    for group in before.get("TaskGroups") or ():
        for task in group.get("Tasks") or ():
            config = task.get("Config") or {}
            if "image" in config:
                config["image"] += "-before"
    return before


def record(old: Mapping[str, Any] | None, new: Mapping[str, Any], nodes: list[NodeWish], start_s: float) -> Course:
    """The course of a job from `old` (None: it is new) to `new`. `start_s` is from a task's placement to its first
    passing check."""
    timing = Timing(start=round(start_s * SECOND))
    simulator = Simulator(seed=1, timing=timing)
    for number, node in enumerate(nodes):
        simulator.add_node(_node_spec(node, number))
    job_id = str(new["ID"])
    if old is not None:
        _register(simulator, old)
        simulator.run_until(lambda: _settled(simulator, job_id, 0), LONGEST_S)
    index = _register(simulator, new)
    begun = _frames(simulator, job_id, index)
    if not (begun[-1].sight.rollout and begun[-1].sight.rollout.canaries):
        return Course(begun)
    simulator.deployments.promote(_deployment(simulator, job_id, index), None)
    simulator.settle()
    return Course(begun, _frames(simulator, job_id, index))


def _node_spec(wish: NodeWish, number: int) -> NodeSpec:
    address = f"10.255.{number // 250}.{number % 250 + 1}"
    return NodeSpec(
        name=wish.name,
        datacenter=wish.datacenter,
        address=address,
        node_class=wish.node_class,
        meta=dict(wish.meta),
        attributes={"driver.docker.volumes.enabled": "true", "consul.version": "1.14.11"},
        host_networks=dict.fromkeys(wish.networks, address),
        host_volumes=dict.fromkeys(wish.volumes, "/srv"),
        cpu=wish.cpu,
        memory=wish.memory,
    )


def _register(simulator: Simulator, job: Mapping[str, Any]) -> int:
    simulator.jobs.register({"Job": {**job, "Namespace": NAMESPACE}}, NAMESPACE)
    simulator.settle()
    return simulator.state.jobs[NAMESPACE, str(job["ID"])].job_modify_index


def _deployment(simulator: Simulator, job_id: str, index: int) -> Any:
    found = simulator.state.job_deployments.get((NAMESPACE, job_id), [])
    return next((each for each in reversed(found) if not index or each.job_modify_index == index), None)


def _settled(simulator: Simulator, job_id: str, index: int) -> bool:
    deployment = _deployment(simulator, job_id, index)
    return deployment is not None and deployment.status in ENDED


def _frames(simulator: Simulator, job_id: str, index: int) -> tuple[Frame, ...]:
    begun = simulator.now
    frames = [_frame(simulator, job_id, index, begun)]

    def changed() -> bool:
        now = _frame(simulator, job_id, index, begun)
        return (now.sight, now.down) != (frames[-1].sight, frames[-1].down)

    while not _over(frames[-1]):
        left = (UNDEPLOYED_S if frames[-1].sight.rollout is None else LONGEST_S) - (simulator.now - begun) / SECOND
        if not simulator.run_until(changed, left):
            break
        frames.append(_frame(simulator, job_id, index, begun))
    return tuple(frames)


def _over(frame: Frame) -> bool:
    rollout = frame.sight.rollout
    return rollout is not None and (rollout.status in ENDED or rollout.canaries)


def _frame(simulator: Simulator, job_id: str, index: int, begun: int) -> Frame:
    key = (NAMESPACE, job_id)
    deployment = _deployment(simulator, job_id, index)
    blocked = simulator.state.blocked.get(key)
    unplaced = {group: explain(metric) for group, metric in ((blocked and blocked.failed_groups) or {}).items()}
    rollout = Rollout.of(deployment.to_json()) if deployment is not None else None
    sight = Sight(evaluation="complete", unplaced=unplaced, rollout=rollout)
    return Frame((simulator.now - begun) / SECOND, sight, _down(simulator, key))


def _down(simulator: Simulator, key: tuple[str, str]) -> bool:
    """Whether a group that should run has no allocation that runs and is known or believed to be well."""
    job = simulator.state.jobs[key]
    serving = {
        alloc.group
        for alloc in simulator.state.job_allocs.get(key, {}).values()
        if alloc.status == "running" and not (alloc.health is not None and alloc.health.healthy is not True)
    }
    return any(group["Count"] and name not in serving for name, group in job.groups.items())
