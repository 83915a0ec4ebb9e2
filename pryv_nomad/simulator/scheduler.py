"""Carries evaluations out: asks `reconcile` (or the system rules) what must change and changes it.

`Scheduler.process` is one evaluation; `Scheduler.trial` is `/plan`: the same decision and placements, with everything
taken back. Follows `scheduler/generic_sched.go` and `scheduler/scheduler_system.go` of Nomad 1.6.5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pryv_nomad.simulator import texts
from pryv_nomad.simulator.candidates import Candidates, Eligibility, in_scope
from pryv_nomad.simulator.decisions import Decision, View
from pryv_nomad.simulator.objects import Alloc, Deployment, Evaluation, Job, JobKey
from pryv_nomad.simulator.outcome import Outcome
from pryv_nomad.simulator.placement import choose
from pryv_nomad.simulator.reconcile import reconcile
from pryv_nomad.simulator.runner import Runner
from pryv_nomad.simulator.state import State
from pryv_nomad.simulator.system import reconcile_system
from pryv_nomad.simulator.usage import claim, release

Json = dict[str, Any]


@dataclass(slots=True)
class Trial:
    """What an evaluation would do: Nomad's annotations by group, and the placements that would fail."""

    counts: dict[str, Json] = field(default_factory=dict)
    failed: dict[str, Json] = field(default_factory=dict)


class Scheduler:
    """Processes evaluations. `deadline_changed` is told of deployments whose progress deadline moved."""

    def __init__(self, state: State, runner: Runner, deadline_changed: Callable[[Deployment], None]) -> None:
        self.state = state
        self.runner = runner
        self.deadline_changed = deadline_changed
        self._candidates: Candidates | None = None
        self._generation = -1
        self.eligibility = Eligibility()

    # -- evaluations

    def new_eval(
        self, key: JobKey, trigger: str, priority: int = 50, kind: str = "service", **values: Any
    ) -> Evaluation:
        """A pending evaluation of a job; the caller puts it into the state."""
        state = self.state
        job = state.jobs.get(key)
        evaluation = Evaluation(
            state.ids.uuid(), key[0], key[1], job.type if job else kind,
            job.spec["Priority"] if job else priority, trigger, state.index, state.index, state.now, state.now,
        )  # fmt: skip
        for name, value in values.items():
            setattr(evaluation, name, value)
        return evaluation

    def process(self, evaluation: Evaluation) -> None:
        """Carry out one evaluation: what can be done is done, what cannot leaves a blocked evaluation behind."""
        state = self.state
        key = (evaluation.namespace, evaluation.job_id)
        job = state.jobs.get(key)
        evaluation.snapshot_index = state.index
        was_blocked = evaluation.status == "blocked"
        decision = self._decide(key, job, evaluation.id)
        state.commit()
        outcome = Outcome(self, key, job, evaluation)
        outcome.apply(decision)
        self._finish(evaluation, outcome, was_blocked)
        state.refresh_status(key, "PlanResult")

    def _decide(self, key: JobKey, job: Job | None, eval_id: str) -> Decision:
        state = self.state
        self.eligibility = Eligibility()
        allocs = list(state.job_allocs.get(key, {}).values())
        if job is not None and job.type in ("system", "sysbatch"):
            return reconcile_system(job, allocs, state.nodes, self.candidates(), self._stays, state.now)
        if job is None and any(alloc.job.type in ("system", "sysbatch") for alloc in allocs):
            return reconcile_system(None, allocs, state.nodes, self.candidates(), self._stays, state.now)
        deployment = None
        if job is None or job.type == "service":
            deployment = state.latest_deployment(key)

        def stays(alloc: Alloc) -> bool:
            return job is not None and self._stays(job, alloc)

        return reconcile(View(job, key[1], deployment, allocs, state.nodes, state.now, eval_id, stays))

    def _stays(self, job: Job, alloc: Alloc) -> bool:
        """Whether an allocation's node suits a new version, so that it can be changed in place."""
        node = self.state.nodes.get(alloc.node_id)
        if node is None or not in_scope(node, job.spec):
            return False
        siblings = [a for a in self.siblings(job.key) if a.id != alloc.id]
        release(node, alloc)
        try:
            choice = choose(
                self.candidates(), job, job.groups[alloc.group], siblings, only=node, eligibility=self.eligibility
            )
            return choice.node is not None
        finally:
            claim(node, alloc)

    def candidates(self) -> Candidates:
        """The nodes to choose from, indexed; kept until a node changes."""
        if self._candidates is None or self._generation != self.state.node_generation:
            self._candidates = Candidates(self.state.nodes)
            self._generation = self.state.node_generation
        return self._candidates

    def siblings(self, key: JobKey) -> list[Alloc]:
        """A job's allocations that are not terminal."""
        return [alloc for alloc in self.state.job_allocs.get(key, {}).values() if not alloc.terminal]

    def _finish(self, evaluation: Evaluation, outcome: Outcome, was_blocked: bool) -> None:
        state = self.state
        key = (evaluation.namespace, evaluation.job_id)
        job = state.jobs.get(key)
        failed = dict(outcome.failed)
        if job is not None and not job.stopped:
            state.queued[key] = {name: outcome.queued.get(name, 0) for name in job.groups}
            evaluation.queued = dict(state.queued[key])
        else:
            state.queued.pop(key, None)
        evaluation.failed_groups = failed or None
        deployment = outcome.deployment or state.latest_deployment(key)
        if deployment is not None:
            evaluation.deployment_id = deployment.id
        if was_blocked and failed:
            state.put_eval(evaluation, "EvaluationUpdated")
            return
        old = state.blocked.pop(key, None)
        if failed and not outcome.delayed:
            self._block(evaluation, failed)
        state.commit()
        evaluation.status = "complete"
        state.put_eval(evaluation, "EvaluationUpdated")
        if old is not None and old is not evaluation:
            old.status = "canceled"
            old.description = f'evaluation "{evaluation.id}" successful'
            state.put_eval(old, "EvaluationUpdated")

    def _block(self, evaluation: Evaluation, failed: dict[str, Json]) -> None:
        state = self.state
        state.commit()
        key = (evaluation.namespace, evaluation.job_id)
        blocked = self.new_eval(key, "queued-allocs", previous=evaluation.id, status="blocked")
        blocked.description = texts.BLOCKED_EVAL
        blocked.failed_groups = failed
        blocked.job_modify_index = state.jobs[key].job_modify_index if key in state.jobs else 0
        blocked.snapshot_index = state.index
        evaluation.blocked = blocked.id
        state.blocked[key] = blocked
        state.put_eval(blocked, "EvaluationUpdated")

    # -- trials

    def trial(self, job: Job) -> Trial:
        """What registering `job` would do. The state is as before when this returns."""
        key = job.key
        decision = self._decide(key, job, "")
        result = Trial({name: counts.to_json() for name, counts in decision.counts.items()})
        outcome = Outcome(self, key, job, None)
        undo: list[Callable[[], None]] = []
        outcome.try_out(decision, undo)
        for step in reversed(undo):
            step()
        result.failed = outcome.failed
        return result
