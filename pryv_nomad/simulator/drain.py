"""Draining nodes: allocations move away, a few of a group at a time (`nomad/drainer` of Nomad 1.6.5).

A group's `migrate` block says how many may be on the move; the next one leaves when its replacement is healthy. Past
the deadline all leave at once. System jobs leave last, and are no concern when the drain ignores them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pryv_nomad.simulator.nodes import Node
from pryv_nomad.simulator.objects import Alloc, Evaluation, JobKey
from pryv_nomad.simulator.state import State
from pryv_nomad.simulator.times import rfc3339

Json = dict[str, Any]

NEVER = "0001-01-01T00:00:00Z"


class Drainer:
    """Looks at the nodes that drain whenever something changed."""

    def __init__(
        self, state: State, new_eval: Callable[..., Evaluation], evaluate: Callable[[Evaluation], None]
    ) -> None:
        self._state = state
        self._new_eval = new_eval
        self._evaluate = evaluate
        self._draining: dict[str, None] = {}

    def set(self, node: Node, spec: Json | None, eligible: bool) -> None:
        """Start (or change) a drain, or end it with `spec` None; `spec`: Deadline in nanoseconds, IgnoreSystemJobs."""
        state = self._state
        state.commit()
        if spec is None:
            node.drain = None
            node.eligibility = "eligible" if eligible else "ineligible"
            for alloc_id in list(node.allocs):
                state.allocs[alloc_id].migrate = False
            if node.last_drain is not None and node.last_drain["Status"] == "draining":
                node.last_drain = {**node.last_drain, "Status": "canceled", "UpdatedAt": rfc3339(state.now)}
            state.node_changed(node, "NodeDrain", "Node drain canceled", "Drain")
            return
        deadline = int(spec.get("Deadline") or 0)
        force_at = state.now + deadline if deadline > 0 else 0
        node.drain = {
            "Deadline": deadline, "IgnoreSystemJobs": bool(spec.get("IgnoreSystemJobs")),
            "StartedAt": rfc3339(state.now), "ForceDeadline": rfc3339(force_at) if force_at else NEVER,
            "ForceAt": force_at if deadline >= 0 else state.now,
        }  # fmt: skip
        stamp = rfc3339(state.now)
        node.last_drain = {
            "AccessorID": "", "Meta": None, "StartedAt": stamp, "Status": "draining", "UpdatedAt": stamp,
        }  # fmt: skip
        node.eligibility = "ineligible"
        self._draining[node.id] = None
        state.node_changed(node, "NodeDrain", "Node drain strategy set", "Drain")
        if force_at:
            state.timeline.at(force_at, "drain", node.id)
        self.check()

    def memory(self) -> list[str]:
        """The nodes that drain, for a snapshot."""
        return list(self._draining)

    def remember(self, draining: list[str]) -> None:
        self._draining = dict.fromkeys(draining)

    def check(self) -> None:
        """Let the next allocations leave, and end the drains that are done."""
        for node_id in list(self._draining):
            node = self._state.nodes[node_id]
            if node.drain is None:
                del self._draining[node_id]
            else:
                self._check(node)

    def _check(self, node: Node) -> None:
        state = self._state
        here = [state.allocs[key] for key in node.allocs]
        system = [alloc for alloc in here if alloc.job.type in ("system", "sysbatch")]
        others = [alloc for alloc in here if alloc not in system]
        drain = node.drain or {}
        forced = bool(drain.get("ForceAt")) and drain["ForceAt"] <= state.now
        leaving = [alloc for alloc in others if not alloc.migrate and (forced or self._may_leave(alloc, others))]
        if not others and system and not drain.get("IgnoreSystemJobs"):
            leaving = [alloc for alloc in system if not alloc.migrate]
        if leaving:
            self._leave(leaving)
        elif not others and not node.stopping and (not system or drain.get("IgnoreSystemJobs")):
            self._done(node)

    def _may_leave(self, alloc: Alloc, here: list[Alloc]) -> bool:
        """Whether enough of the group would stay healthy."""
        if alloc.job.type == "batch":
            return False
        group = alloc.job.groups[alloc.group]
        job_allocs = self._state.job_allocs[alloc.job.key].values()
        of_group = [a for a in job_allocs if a.group == alloc.group and not a.terminal]
        healthy = sum(1 for a in of_group if a.status == "running" and a.healthy and not a.migrate)
        threshold = group["Count"] - group["Migrate"]["MaxParallel"]
        waiting = [a for a in here if a.job.key == alloc.job.key and a.group == alloc.group and not a.migrate]
        return alloc in waiting[: max(healthy - threshold, 0)]

    def _leave(self, allocs: list[Alloc]) -> None:
        state = self._state
        state.commit()
        jobs: dict[JobKey, None] = {}
        for alloc in allocs:
            alloc.migrate = True
            state.alloc_changed(alloc, "AllocationUpdateDesiredStatus")
            jobs[alloc.job.key] = None
        for key in jobs:
            self._evaluate(self._new_eval(key, "node-drain"))

    def _done(self, node: Node) -> None:
        state = self._state
        state.commit()
        node.drain = None
        node.last_drain = {**(node.last_drain or {}), "Status": "complete", "UpdatedAt": rfc3339(state.now)}
        state.node_changed(node, "NodeDrain", "Node drain complete", "Drain")
