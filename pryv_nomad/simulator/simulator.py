"""The simulator: a deterministic model of the part of Nomad that pryv-nomad uses.

    simulator = Simulator(seed=1)
    simulator.add_node(NodeSpec("node1", meta={"pryv_core": "co1"}))
    simulator.jobs.register({"Job": job}, "default")
    simulator.advance(30)                                     # thirty simulated seconds
    simulator.run_until(lambda: …, limit=7200)                # True as soon as it holds

The same seed and the same calls give the same events, to the byte. A call takes no simulated time; what follows from it
at the same moment (evaluations, placements) has happened when it returns. `http/` puts this behind Nomad's paths. It
runs nobody's tasks: allocations start, become healthy, fail and stop as `Timing` and the faults say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from pryv_nomad.simulator.clock import EPOCH, SECOND
from pryv_nomad.simulator.cluster import Cluster
from pryv_nomad.simulator.consul import Consul
from pryv_nomad.simulator.deployments import Deployments
from pryv_nomad.simulator.drain import Drainer
from pryv_nomad.simulator.faults import Fault, LeaderLost, NodeLost, Script
from pryv_nomad.simulator.jobs import Jobs
from pryv_nomad.simulator.nodes import Node, NodeSpec
from pryv_nomad.simulator.objects import Alloc, Deployment, Evaluation
from pryv_nomad.simulator.runner import Runner, Timing
from pryv_nomad.simulator.scheduler import Scheduler
from pryv_nomad.simulator.state import State
from pryv_nomad.simulator.variables import Variables

# Blocked evaluations are tried again this long after capacity appeared: once for all that appears meanwhile.
_UNBLOCK = SECOND // 4


class Simulator:
    """A simulated cluster. Not for several threads at once; `http/` has the lock.

    `capture`: make the payloads of the event stream (needed over HTTP only); `keep_log`: keep every event's summary in
    `state.events.log`.
    """

    def __init__(
        self,
        seed: int = 0,
        start: int = EPOCH,
        timing: Timing | None = None,
        capture: bool = False,
        keep_log: bool = False,
    ) -> None:
        self.seed = seed
        self.state = State(seed, start, keep_log, capture)
        self.faults = Script()
        self.timing = timing or Timing()
        self.runner = Runner(self.state, self.faults, self.timing)
        self.scheduler = Scheduler(self.state, self.runner, self._deadline_changed)
        self.jobs = Jobs(self.state, self.scheduler, self._evaluate)
        self.deployments = Deployments(self.state, self.scheduler.new_eval, self._evaluate, self.jobs.make_current)
        self.drainer = Drainer(self.state, self.scheduler.new_eval, self._evaluate)
        self.cluster = Cluster(
            self.state, self.runner, self.scheduler.new_eval, self._evaluate, self._capacity_appeared
        )
        self.variables = Variables(self.state)
        self.consul = Consul(self.state)
        self._queue: deque[Evaluation] = deque()
        self._unblocking = False
        self.leaderless_until = 0

    # -- time

    @property
    def now(self) -> int:
        """The simulated time in nanoseconds since 1970."""
        return self.state.timeline.now

    def advance(self, seconds: float) -> None:
        """Let simulated time pass."""
        self.advance_to(self.now + round(seconds * SECOND))

    def advance_to(self, moment: int) -> None:
        """Let simulated time pass up to a moment (nanoseconds); one in the past changes nothing."""
        timeline = self.state.timeline
        self.settle()
        while (due := timeline.pop(moment)) is not None:
            self._handle(due.kind, due.key)
            self.settle()
        timeline.now = max(timeline.now, moment)

    def run_until(self, condition: Callable[[], bool], limit: float) -> bool:
        """Let time pass until a condition holds, at most `limit` seconds; tells whether it held."""
        end = self.now + round(limit * SECOND)
        timeline = self.state.timeline
        self.settle()
        while not condition():
            due = timeline.pop(end)
            if due is None:
                timeline.now = end
                return False
            self._handle(due.kind, due.key)
            self.settle()
        return True

    def _handle(self, kind: str, key: tuple[str, ...]) -> None:
        if kind == "evaluate":
            evaluation = self.state.evals.get(key[0])
            if evaluation is not None and evaluation.status == "pending":
                self._queue.append(evaluation)
        elif kind == "unblock":
            self._unblocking = False
            self._queue.extend(self.state.blocked.values())
        elif kind == "drain":
            self.drainer.check()
        elif kind == "leader-lost":
            self.leaderless_until = self.now + int(key[0])
        else:
            handlers = (self.runner.handle, self.deployments.handle, self.cluster.handle, self.consul.handle)
            any(handler(kind, key) for handler in handlers)

    def settle(self) -> None:
        """Do all that follows at this moment from what has happened."""
        while True:
            if self.runner.decided:
                self.deployments.health_decided(self.runner.decided.pop(0))
            elif self.runner.reported:
                self._reported(self.runner.reported.pop(0))
            elif self._queue:
                evaluation = self._queue.popleft()
                if evaluation.status in ("pending", "blocked"):
                    self.scheduler.process(evaluation)
            else:
                self.drainer.check()
                if not (self._queue or self.runner.decided or self.runner.reported):
                    return

    # -- what follows

    def _evaluate(self, evaluation: Evaluation) -> None:
        """Queue an evaluation made by a call or an event, in that one's commit."""
        self.state.put_eval(evaluation, _EVENT_TYPES.get(evaluation.triggered_by, "EvaluationUpdated"))
        self._queue.append(evaluation)

    def _deadline_changed(self, deployment: Deployment) -> None:
        self.deployments.deadline_changed(deployment)

    def _reported(self, alloc: Alloc) -> None:
        """A client's report that the server acts on: an allocation failed or ended."""
        if alloc.status == "failed":
            if alloc.healthy:
                self.deployments.became_unhealthy(alloc)
            if alloc.desired == "run" and alloc.job.key in self.state.jobs:
                self.state.commit()
                self._evaluate(self.scheduler.new_eval(alloc.job.key, "alloc-failure"))
        self.state.refresh_status(alloc.job.key, "AllocationUpdated")
        self._capacity_appeared()

    def _capacity_appeared(self) -> None:
        if self.state.blocked and not self._unblocking:
            self._unblocking = True
            self.state.timeline.after(_UNBLOCK, "unblock")

    def stop_allocation(self, alloc: Alloc) -> dict[str, object]:
        """Stop one allocation; its job gets another in its place."""
        state = self.state
        index = state.commit()
        alloc.migrate = True
        state.alloc_changed(alloc, "AllocationUpdateDesiredStatus")
        evaluation = self.scheduler.new_eval(alloc.job.key, "alloc-stop")
        self._evaluate(evaluation)
        return {"EvalID": evaluation.id, "Index": index}

    # -- set-up

    def add_node(self, spec: NodeSpec) -> Node:
        """Add a node, or change what a node of that name offers."""
        node = self.cluster.add(spec)
        self.settle()
        return node

    def inject(self, *faults: Fault) -> None:
        """Arm faults; those with a time count from now."""
        for fault in faults:
            if isinstance(fault, NodeLost):
                self.cluster.schedule(fault)
            elif isinstance(fault, LeaderLost):
                length = str(int(fault.seconds * SECOND))
                self.state.timeline.after(int(fault.after * SECOND), "leader-lost", length)
            self.faults.add(fault)

    # -- snapshots

    def process_state(self) -> dict[str, Any]:
        """What its parts remember beside the state, for a snapshot."""
        return {
            "leaderless_until": self.leaderless_until, "unblocking": self._unblocking,
            "runner": self.runner.memory(), "collecting": self.deployments.memory(), "draining": self.drainer.memory(),
        }  # fmt: skip

    def restore_process(self, given: dict[str, Any]) -> None:
        """Take over what `process_state` gave; the state and the faults are there already."""
        self.leaderless_until, self._unblocking = given["leaderless_until"], given["unblocking"]
        self.runner.remember(given["runner"])
        self.deployments.remember(given["collecting"])
        self.drainer.remember(given["draining"])

    @property
    def changes(self) -> tuple[int, int]:
        """The indexes of both APIs: as long as they are the same, nothing has changed."""
        return self.state.index, self.consul.index

    @property
    def leaderless(self) -> bool:
        """Whether there is no leader just now."""
        return self.now < self.leaderless_until


_EVENT_TYPES = {
    "job-register": "JobRegistered",
    "job-deregister": "JobDeregistered",
    "deployment-watcher": "DeploymentStatusUpdate",
    "node-update": "NodeStatusUpdate",
    "node-drain": "NodeDrain",
    "alloc-failure": "AllocationUpdated",
}
