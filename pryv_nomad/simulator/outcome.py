"""One evaluation being carried out: the decision becomes changes of the state, or a trial that is taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pryv_nomad.simulator import texts
from pryv_nomad.simulator.decisions import Decision, Place, Stop
from pryv_nomad.simulator.objects import Alloc, Deployment, Evaluation, Health, Job, JobKey
from pryv_nomad.simulator.placement import Choice, choose
from pryv_nomad.simulator.reschedule import carried_events
from pryv_nomad.simulator.usage import claim, release

if TYPE_CHECKING:
    from pryv_nomad.simulator.scheduler import Scheduler

Json = dict[str, Any]


class Outcome:
    """What comes of one evaluation; `failed` has the metrics of the groups that could not be placed."""

    def __init__(self, scheduler: Scheduler, key: JobKey, job: Job | None, evaluation: Evaluation | None) -> None:
        self._scheduler = scheduler
        self._state = scheduler.state
        self._runner = scheduler.runner
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
            self._scheduler.deadline_changed(deployment)
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
        siblings = [a for a in self._scheduler.siblings(self._key) if a is not place.replaces]
        avoid = frozenset({place.previous.node_id}) if place.reschedule and place.previous else frozenset()
        only = self._state.nodes.get(place.node_id) if place.node_id else None
        choice = choose(self._scheduler.candidates(), job, group, siblings, avoid, only, self._scheduler.eligibility)
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
