"""What happens to nodes: they go, come back, become eligible or not."""

from __future__ import annotations

from collections.abc import Callable

from pryv_nomad.simulator.clock import SECOND
from pryv_nomad.simulator.errors import Refusal
from pryv_nomad.simulator.faults import NodeLost
from pryv_nomad.simulator.nodes import Node, NodeSpec
from pryv_nomad.simulator.objects import Evaluation, JobKey
from pryv_nomad.simulator.runner import Runner
from pryv_nomad.simulator.state import State
from pryv_nomad.simulator.taints import disconnect_time

# How long after its last heartbeat a node counts as lost (heartbeat_grace of Nomad's servers).
HEARTBEAT = 10 * SECOND


class Cluster:
    """The nodes. `node_returned` is told when capacity appears."""

    def __init__(
        self,
        state: State,
        runner: Runner,
        new_eval: Callable[..., Evaluation],
        evaluate: Callable[[Evaluation], None],
        capacity: Callable[[], None],
    ) -> None:
        self._state = state
        self._runner = runner
        self._new_eval = new_eval
        self._evaluate = evaluate
        self._capacity = capacity

    def find(self, node_id: str) -> Node:
        """A node by its identifier; 404 when there is none."""
        node = self._state.nodes.get(node_id)
        if node is None:
            raise Refusal(404, "node not found")
        return node

    def named(self, name: str) -> Node:
        """A node by its name; 404 when there is none."""
        for node in self._state.nodes.values():
            if name in (node.name, node.id):
                return node
        raise Refusal(404, f"no node {name!r}")

    def add(self, spec: NodeSpec) -> Node:
        """A node joins (or changes what it offers)."""
        node = self._state.add_node(spec)
        self._node_evals(node)
        self._capacity()
        return node

    def set_eligibility(self, node: Node, eligible: bool) -> None:
        """Whether new allocations may come; a draining node cannot become eligible."""
        if eligible and node.drain is not None:
            raise Refusal(500, "can not set node's scheduling eligibility to eligible while it is draining")
        self._state.commit()
        node.eligibility = "eligible" if eligible else "ineligible"
        # Nomad gives it the type of a drain (`nomad/state/events.go`).
        self._state.node_changed(node, "NodeDrain", f"Node marked as {node.eligibility} for scheduling")
        if eligible:
            self._node_evals(node)
            self._capacity()

    def schedule(self, fault: NodeLost) -> None:
        """A node will be lost, and may come back."""
        node = self.named(fault.node)
        timeline = self._state.timeline
        lost_at = timeline.now + int(fault.after * SECOND)
        timeline.at(lost_at, "machine-lost", node.id, "partition" if fault.partition else "crash")
        timeline.at(lost_at + HEARTBEAT, "node-lost", node.id)
        if fault.for_seconds:
            timeline.at(lost_at + int(fault.for_seconds * SECOND), "node-back", node.id)

    def handle(self, kind: str, key: tuple[str, ...]) -> bool:
        """Carry out an event of the timeline; False when its kind is not ours."""
        if kind not in ("machine-lost", "node-lost", "node-back"):
            return False
        node = self._state.nodes.get(key[0])
        if node is None:
            return True
        if kind == "machine-lost":
            node.silent = True
            if key[1] == "crash":
                node.processes = False
                for alloc_id in node.allocs:
                    self._runner.node_died(self._state.allocs[alloc_id])
        elif kind == "node-lost":
            if node.silent:
                self._lost(node)
        else:
            self._back(node)
        return True

    def _lost(self, node: Node) -> None:
        state = self._state
        allocs = [state.allocs[key] for key in node.allocs]
        waits = any(disconnect_time(alloc) is not None for alloc in allocs)
        state.commit()
        node.status = "disconnected" if waits else "down"
        state.node_changed(node, "NodeStatusUpdate", "Node heartbeat missed")
        self._node_evals(node)

    def _back(self, node: Node) -> None:
        state = self._state
        crashed = not node.processes
        was_ready = node.status == "ready"
        node.silent = False
        node.processes = True
        state.commit()
        node.status = "ready"
        if not was_ready:
            state.node_changed(node, "NodeStatusUpdate", "Node reregistered by heartbeat")
        for alloc in [a for a in state.allocs.values() if a.node_id == node.id] if crashed or not was_ready else []:
            if alloc.status == "unknown":
                alloc.status, alloc.description = "running", "Tasks are running"
                alloc.reconnecting = True
                state.alloc_changed(alloc, "AllocationUpdated", by_server=False)
            if crashed or alloc.status == "lost":
                self._runner.node_returned(alloc)
        self._node_evals(node)
        self._capacity()

    def _node_evals(self, node: Node) -> None:
        """Every job with something on the node is looked at, and every system job."""
        state = self._state
        jobs: dict[JobKey, None] = {}
        for alloc_id in node.allocs:
            jobs[state.allocs[alloc_id].job.key] = None
        for key, job in state.jobs.items():
            if job.type == "system" and not job.stopped:
                jobs[key] = None
        for key in jobs:
            self._evaluate(self._new_eval(key, "node-update", node_id=node.id))
