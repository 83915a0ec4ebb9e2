"""Where an allocation goes: feasible nodes, then those with room, then the best of them.

A node must be ready, in the job's datacenters and pool, and have what the group needs (`demand.py`). Of these, one
without an allocation of the same group wins, then the fullest (bin packing), then the oldest. A failed placement
explains itself in Nomad's metrics.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pryv_nomad.simulator.candidates import Candidates, Eligibility, in_scope
from pryv_nomad.simulator.demand import Demand, Ports
from pryv_nomad.simulator.metrics import Metrics
from pryv_nomad.simulator.nodes import Node
from pryv_nomad.simulator.objects import Alloc, Job

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Choice:
    """A node for an allocation, with what it gets there (Nomad's AllocatedResources); `node` None: no node fits."""

    node: Node | None
    resources: Json
    metrics: Metrics


def choose(
    candidates: Candidates,
    job: Job,
    group: Json,
    siblings: Iterable[Alloc],
    avoid: frozenset[str] = frozenset(),
    only: Node | None = None,
    eligibility: Eligibility | None = None,
) -> Choice:
    """The node for one more allocation of a group.

    `siblings`: the job's allocations that are not terminal; `avoid`: nodes to be taken only when no other fits (where
    the task failed before); `only`: no other node counts (system jobs, in-place updates);
    `eligibility`: what the evaluation has learnt so far, and learns here.
    """
    demand = Demand(job, group, list(siblings), candidates.nodes)
    nodes, available = candidates.of_job(job.spec)
    if only is not None:
        looked_at = [only] if in_scope(only, job.spec) else []
    else:
        looked_at = candidates.narrowed(nodes, demand.constraints)
    best = _best(looked_at, demand, avoid)
    metrics = Metrics(available, len(nodes), evaluated=len(looked_at))
    if best is not None:
        node, ports = best
        metrics.score = {"NodeID": node.id, "NormScore": 1.0, "Scores": {"binpack": 1.0}}
        return Choice(node, demand.resources(node, ports), metrics)
    _explain(nodes if only is None else looked_at, demand, metrics, eligibility or Eligibility())
    return Choice(None, {}, metrics)


def _best(nodes: list[Node], demand: Demand, avoid: frozenset[str]) -> tuple[Node, Ports] | None:
    best: tuple[tuple[bool, int, float], Node, Ports] | None = None
    for node in nodes:
        if not node.ready or demand.filtered_by(node) is not None:
            continue
        ports = demand.room(node)
        if isinstance(ports, str):
            continue
        fill = (node.cpu_used + 1) / max(node.spec.cpu, 1) + (node.memory_used + 1) / max(node.spec.memory, 1)
        rank = (node.id in avoid, demand.same_group_on(node), -fill)
        if best is None or rank < best[0]:
            best = (rank, node, ports)
    return None if best is None else (best[1], best[2])


def _reason(node: Node, demand: Demand, eligibility: Eligibility) -> str | None:
    """Why a node is filtered out; a class of nodes is looked at once, unless what is asked for is a node's own."""
    name = demand.group["Name"]
    for group, check, own in (
        ("", demand.job_filter, demand.job_is_particular),
        (name, demand.group_filter, demand.group_is_particular),
    ):
        if not own and eligibility.knows(node, group):
            return Eligibility.REASON
        reason = check(node)
        if reason is not None:
            if not own:
                eligibility.learn(node, group)
            return reason
    return demand.node_filter(node)


def _explain(nodes: list[Node], demand: Demand, metrics: Metrics, eligibility: Eligibility) -> None:
    metrics.evaluated = len(nodes)
    for node in nodes:
        reason = _reason(node, demand, eligibility)
        if reason is not None:
            metrics.filter(node, reason)
            continue
        dimension = demand.room(node)
        if isinstance(dimension, str):
            metrics.exhaust(node, dimension)
    if metrics.exhausted:
        metrics.resources = {task["Name"]: {**task["Resources"], "Networks": None} for task in demand.group["Tasks"]}
