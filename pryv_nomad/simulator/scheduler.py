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
from pryv_nomad.simulator.objects import Alloc, Deployment, Evaluation, Health, Job, JobKey
from pryv_nomad.simulator.placement import Choice, choose
from pryv_nomad.simulator.reconcile import Decision, Place, Stop, View, reconcile
from pryv_nomad.simulator.reschedule import carried_events
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
        self._state = state
        self._runner = runner
        self._deadline_changed = deadline_changed
        self._candidates: Candidates | None = None
        self._generation = -1
        self._eligibility = Eligibility()

    # -- evaluations

    def new_eval(
        self, key: JobKey, trigger: str, priority: int = 50, kind: str = "service", **values: Any
    ) -> Evaluation:
        """A pending evaluation of a job; the caller puts it into the state."""
        state = self._state
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
        state = self._state
        key = (evaluation.namespace, evaluation.job_id)
        job = state.jobs.get(key)
        evaluation.snapshot_index = state.index
        was_blocked = evaluation.status == "blocked"
        decision = self._decide(key, job, evaluation.id)
        state.commit()
        outcome = _Outcome(self, key, job, evaluation)
        outcome.apply(decision)
        self._finish(evaluation, outcome, was_blocked)
        state.refresh_status(key, "PlanResult")

    def _decide(self, key: JobKey, job: Job | None, eval_id: str) -> Decision:
        state = self._state
        self._eligibility = Eligibility()
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
        node = self._state.nodes.get(alloc.node_id)
        if node is None or not in_scope(node, job.spec):
            return False
        siblings = [a for a in self._siblings(job.key) if a.id != alloc.id]
        release(node, alloc)
        try:
            choice = choose(
                self.candidates(), job, job.groups[alloc.group], siblings, only=node, eligibility=self._eligibility
            )
            return choice.node is not None
        finally:
            claim(node, alloc)

    def candidates(self) -> Candidates:
        """The nodes to choose from, indexed; kept until a node changes."""
        if self._candidates is None or self._generation != self._state.node_generation:
            self._candidates = Candidates(self._state.nodes)
            self._generation = self._state.node_generation
        return self._candidates

    def _siblings(self, key: JobKey) -> list[Alloc]:
        return [alloc for alloc in self._state.job_allocs.get(key, {}).values() if not alloc.terminal]

    def _finish(self, evaluation: Evaluation, outcome: _Outcome, was_blocked: bool) -> None:
        state = self._state
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
        state = self._state
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
        outcome = _Outcome(self, key, job, None)
        undo: list[Callable[[], None]] = []
        outcome.try_out(decision, undo)
        for step in reversed(undo):
            step()
        result.failed = outcome.failed
        return result


class _Outcome:
    """One evaluation being carried out."""

    def __init__(self, scheduler: Scheduler, key: JobKey, job: Job | None, evaluation: Evaluation | None) -> None:
        self._scheduler = scheduler
        self._state = scheduler._state
        self._runner = scheduler._runner
        self._key = key
        self._job = job
        self._eval = evaluation
        self.failed: dict[str, Json] = {}
        self.queued: dict[str, int] = {}
        self.deployment: Deployment | None = None
        self.delayed = False

    def apply(self, decision: Decision) -> None:
        self._deployments(decision)
        for stop in decision.stops:
            self._stop(stop)
        for alloc in decision.unknown:
            self._unknown(alloc)
        for alloc in decision.reconnected:
            self._reconnected(alloc)
        for alloc in decision.in_place:
            self._in_place(alloc)
        for place in [*decision.destructive, *decision.places]:
            self._place(place)
        self._followups(decision)
        if decision.successful:
            self._succeed()

    # -- deployments

    def _deployments(self, decision: Decision) -> None:
        state = self._state
        if decision.cancel is not None:
            old, reason = decision.cancel
            old.status, old.description = "cancelled", reason
            state.deployment_changed(old, "PlanResult")
        job = self._job
        latest = state.latest_deployment(self._key)
        if decision.new_deployment is not None and job is not None:
            groups = dict(decision.new_deployment)
            self.deployment = Deployment(
                state.ids.uuid(), job.namespace, job.id, job.version, job.job_modify_index, job.create_index,
                state.index, state.index, job.spec["Priority"], "running", texts.RUNNING, groups,
            )  # fmt: skip
            if self.deployment.needs_promotion:
                auto = self.deployment.auto_promotes
                self.deployment.description = texts.AUTO_PROMOTION if auto else texts.NEEDS_PROMOTION
            state.put_deployment(self.deployment)
        elif latest is not None and latest.active:
            self.deployment = latest
            if decision.joining:
                latest.groups.update(decision.joining)
                state.deployment_changed(latest, "PlanResult")

    def _succeed(self) -> None:
        deployment = self.deployment
        if deployment is None or not deployment.active:
            return
        deployment.status, deployment.description = "successful", texts.SUCCESSFUL
        self._state.deployment_changed(deployment, "PlanResult")
        job = self._state.job_version(self._key, deployment.job_version)
        if job is not None and not job.stable:
            job.stable = True
            self._state.job_changed(job, "PlanResult")

    def _joined(self, alloc: Alloc) -> None:
        """Count an allocation as placed in its deployment, and start the progress deadline with the first."""
        deployment = self._state.deployments.get(alloc.deployment_id)
        group = deployment.groups.get(alloc.group) if deployment is not None else None
        if deployment is None or group is None:
            return
        group.placed += 1
        if alloc.canary:
            group.placed_canaries.append(alloc.id)
        if group.progress_deadline and not group.progress_by:
            group.progress_by = self._state.now + group.progress_deadline
            self._scheduler._deadline_changed(deployment)
        self._state.deployment_changed(deployment, "PlanResult")

    # -- allocations

    def _stop(self, stop: Stop) -> None:
        alloc = stop.alloc
        alloc.desired, alloc.desired_description = "stop", stop.description
        if stop.status and not alloc.client_terminal:
            alloc.status = stop.status
        self._state.alloc_changed(alloc, "PlanResult")
        if not stop.status:
            self._runner.stop(alloc)

    def _unknown(self, alloc: Alloc) -> None:
        alloc.status, alloc.description = "unknown", texts.UNKNOWN
        alloc.unknown_since = self._state.now
        self._state.alloc_changed(alloc, "PlanResult")

    def _reconnected(self, alloc: Alloc) -> None:
        alloc.reconnecting = False
        alloc.followup_eval = ""
        self._state.alloc_changed(alloc, "PlanResult")

    def _in_place(self, alloc: Alloc) -> None:
        if self._job is None:
            return
        alloc.job = self._job
        if self._eval is not None:
            alloc.eval_id = self._eval.id
        deployment_id = self.deployment.id if self.deployment is not None else ""
        moved = alloc.deployment_id != deployment_id
        if moved:
            alloc.deployment_id, alloc.health = deployment_id, None
        self._state.alloc_changed(alloc, "PlanResult")
        if moved:
            self._joined(alloc)
        self._runner.update(alloc)

    def _choose(self, place: Place) -> tuple[Choice, Job, Json, str] | None:
        """The node for a placement, with the job version, group and deployment it belongs to."""
        job, group, deployment_id = self._job, place.group, self.deployment.id if self.deployment else ""
        if job is None:
            return None
        if place.downgrade:
            job, deployment_id = self._version_before_canaries(place, job, deployment_id)
            group = job.groups[group["Name"]]
        siblings = [a for a in self._scheduler._siblings(self._key) if a is not place.replaces]
        avoid = frozenset({place.previous.node_id}) if place.reschedule and place.previous else frozenset()
        only = self._state.nodes.get(place.node_id) if place.node_id else None
        choice = choose(self._scheduler.candidates(), job, group, siblings, avoid, only, self._scheduler._eligibility)
        return choice, job, group, deployment_id

    def _version_before_canaries(self, place: Place, job: Job, deployment_id: str) -> tuple[Job, str]:
        name = place.group["Name"]
        oldest = place.previous.job.version if place.previous else 0
        deployments = self._state.job_deployments.get(self._key, [])
        for deployment in sorted(deployments, key=lambda item: -item.job_version):
            state = deployment.groups.get(name)
            if state is None or not (state.promoted or state.desired_canaries == 0):
                continue
            version = self._state.job_version(self._key, deployment.job_version)
            if version is not None and version.version >= oldest and name in version.groups:
                return version, deployment.id
            break
        return job, deployment_id

    def _count_failure(self, name: str, metrics: Json) -> None:
        known = self.failed.get(name)
        if known is None:
            self.failed[name] = metrics
        else:
            known["CoalescedFailures"] += 1

    def _place(self, place: Place) -> None:
        state = self._state
        name = place.group["Name"]
        self.queued[name] = self.queued.get(name, 0) + 1
        if name in self.failed:
            self._count_failure(name, self.failed[name])
            return
        if place.replaces is not None:
            release(state.nodes[place.replaces.node_id], place.replaces)
        found = self._choose(place)
        if found is None:
            return
        choice, job, _group, deployment_id = found
        if choice.node is None:
            if place.replaces is not None:
                claim(state.nodes[place.replaces.node_id], place.replaces)
            self._count_failure(name, choice.metrics.to_json())
            return
        if place.replaces is not None:
            self._stop(Stop(place.replaces, texts.UPDATING))
        self.queued[name] -= 1
        self._create(place, choice, job, deployment_id)

    def _create(self, place: Place, choice: Choice, job: Job, deployment_id: str) -> None:
        state, node = self._state, choice.node
        if node is None:
            return
        alloc = Alloc(
            state.ids.uuid(), place.name, job, place.group["Name"], node.id, node.name,
            self._eval.id if self._eval else "", state.index, state.index, state.index, state.now, state.now,
            deployment_id,
        )  # fmt: skip
        alloc.resources, alloc.metrics = choice.resources, choice.metrics.to_json()
        if place.canary and deployment_id:
            alloc.health = Health(canary=True)
        if place.previous is not None:
            alloc.previous = place.previous.id
            place.previous.next = alloc.id
            if place.reschedule:
                alloc.reschedules = carried_events(place.previous, state.now)
        state.put_alloc(alloc, "PlanResult")
        if deployment_id:
            self._joined(alloc)
        self._runner.receive(alloc)

    def _followups(self, decision: Decision) -> None:
        evaluation = self._eval
        if evaluation is None:
            return
        for followup in decision.followups:
            # An evaluation that was delayed itself delays nothing further, but a rolling update takes its next step.
            if evaluation.wait_until and followup.trigger != "rolling-update":
                continue
            self.delayed = True
            later = self._scheduler.new_eval(
                self._key, followup.trigger, wait_until=followup.at, previous=evaluation.id
            )
            later.description = followup.description
            self._state.put_eval(later, "EvaluationUpdated")
            self._state.timeline.at(followup.at, "evaluate", later.id)
            for alloc in followup.allocs:
                alloc.followup_eval = later.id
                self._state.alloc_changed(alloc, "PlanResult")

    # -- trials

    def try_out(self, decision: Decision, undo: list[Callable[[], None]]) -> None:
        """Place what would be placed, without allocations, to see what fails. `undo` gets what takes it back."""
        for stop in decision.stops:
            self._set_aside(stop.alloc, undo)
        for place in [*decision.destructive, *decision.places]:
            name = place.group["Name"]
            if name in self.failed:
                self._count_failure(name, self.failed[name])
                continue
            if place.replaces is not None:
                self._set_aside(place.replaces, undo)
            found = self._choose(place)
            if found is None:
                continue
            choice, version, _group, _deployment = found
            if choice.node is None:
                self._count_failure(name, choice.metrics.to_json())
                continue
            stand_in = Alloc(
                f"trial-{len(undo)}", place.name, version, name, choice.node.id, choice.node.name, "", 0, 0, 0, 0, 0
            )
            stand_in.resources = choice.resources
            self._stand_in(stand_in, undo)

    def _set_aside(self, alloc: Alloc, undo: list[Callable[[], None]]) -> None:
        node = self._state.nodes.get(alloc.node_id)
        if node is None or alloc.id not in node.allocs:
            return
        release(node, alloc)
        siblings = self._state.job_allocs[self._key]
        position = list(siblings)
        del siblings[alloc.id]

        def put_back() -> None:
            claim(node, alloc)
            siblings[alloc.id] = alloc
            self._state.job_allocs[self._key] = {key: siblings[key] for key in position if key in siblings}

        undo.append(put_back)

    def _stand_in(self, alloc: Alloc, undo: list[Callable[[], None]]) -> None:
        node = self._state.nodes[alloc.node_id]
        claim(node, alloc)
        self._state.job_allocs.setdefault(self._key, {})[alloc.id] = alloc

        def take_back() -> None:
            release(node, alloc)
            del self._state.job_allocs[self._key][alloc.id]

        undo.append(take_back)
