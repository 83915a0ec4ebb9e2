"""Watches deployments: health, deadlines, promotion, failure, and going back to the last stable version.

Follows `nomad/deploymentwatcher` of Nomad 1.6.5. Health decisions are counted at once; the evaluation that lets the
deployment go on comes a second later, as Nomad collects what happens in a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pryv_nomad.simulator import texts
from pryv_nomad.simulator.canonical import spec_changed
from pryv_nomad.simulator.clock import SECOND
from pryv_nomad.simulator.errors import Refusal
from pryv_nomad.simulator.objects import Alloc, Deployment, Evaluation, Job
from pryv_nomad.simulator.reschedule import attempts_left, policy_of
from pryv_nomad.simulator.state import State
from pryv_nomad.simulator.validation import joined

Json = dict[str, Any]

# Nomad collects a deployment's changes for this long before it makes an evaluation.
_COLLECT = SECOND


class Deployments:
    """The deployment watcher. `evaluate(evaluation)` queues an evaluation, `revert(job)` makes an old version new."""

    def __init__(
        self,
        state: State,
        new_eval: Callable[..., Evaluation],
        evaluate: Callable[[Evaluation], None],
        revert: Callable[[Job], None],
    ) -> None:
        self._state = state
        self._new_eval = new_eval
        self._evaluate = evaluate
        self._revert = revert
        self._collecting: set[str] = set()

    def memory(self) -> list[str]:
        """The deployments whose changes are being collected, for a snapshot."""
        return sorted(self._collecting)

    def remember(self, collecting: list[str]) -> None:
        self._collecting = set(collecting)

    # -- what happens by itself

    def health_decided(self, alloc: Alloc) -> None:
        """Count a decision in the allocation's deployment and see what follows from it."""
        deployment = self._state.deployments.get(alloc.deployment_id)
        group = deployment.groups.get(alloc.group) if deployment is not None else None
        if deployment is None or group is None or alloc.health is None:
            return
        if alloc.health.healthy:
            group.healthy += 1
            if group.progress_deadline:
                group.progress_by = max(group.progress_by, alloc.health.timestamp + group.progress_deadline)
        else:
            group.unhealthy += 1
        self._state.deployment_changed(deployment, "AllocationUpdated")
        if not deployment.active:
            return
        self.deadline_changed(deployment)
        if alloc.health.healthy:
            if not self._promote_when_healthy(deployment):
                self._collect(deployment)
        elif self._fails_early(deployment, alloc):
            self._fail(deployment, texts.FAILED_ALLOCATIONS, self._reverts([alloc.group], deployment))
        else:
            alloc.allow_reschedule = True
            self._collect(deployment)

    def became_unhealthy(self, alloc: Alloc) -> None:
        """An allocation that was healthy has failed while its deployment still runs."""
        deployment = self._state.deployments.get(alloc.deployment_id)
        group = deployment.groups.get(alloc.group) if deployment is not None else None
        if deployment is None or group is None or alloc.health is None or not deployment.active:
            return
        alloc.health.healthy = False
        group.healthy -= 1
        group.unhealthy += 1
        self._state.deployment_changed(deployment, "AllocationUpdated")
        if self._fails_early(deployment, alloc):
            self._fail(deployment, texts.FAILED_ALLOCATIONS, self._reverts([alloc.group], deployment))
        else:
            alloc.allow_reschedule = True
            self._collect(deployment)

    def deadline_changed(self, deployment: Deployment) -> None:
        """Wait for the progress deadline that comes first."""
        cutoff = self._cutoff(deployment)
        if cutoff:
            self._state.timeline.at(cutoff, "progress", deployment.id, str(cutoff))

    def handle(self, kind: str, key: tuple[str, ...]) -> bool:
        """Carry out an event of the timeline; False when its kind is not ours."""
        if kind not in ("progress", "collect"):
            return False
        deployment = self._state.deployments.get(key[0])
        if deployment is None:
            return True
        if kind == "collect":
            self._collecting.discard(deployment.id)
            if deployment.active:
                self._state.commit()
                self._evaluate(self._evaluation(deployment))
        elif deployment.active and self._cutoff(deployment) == int(key[1]):
            self._deadline_passed(deployment)
        return True

    def _collect(self, deployment: Deployment) -> None:
        if deployment.id not in self._collecting:
            self._collecting.add(deployment.id)
            self._state.timeline.after(_COLLECT, "collect", deployment.id)

    def _evaluation(self, deployment: Deployment) -> Evaluation:
        key = (deployment.namespace, deployment.job_id)
        return self._new_eval(key, "deployment-watcher", deployment_id=deployment.id)

    def _fails_early(self, deployment: Deployment, alloc: Alloc) -> bool:
        """Whether one unhealthy allocation ends the deployment: without a progress deadline, or without a retry."""
        group = deployment.groups[alloc.group]
        return group.progress_deadline == 0 or not attempts_left(alloc, policy_of(alloc), self._state.now)

    def _cutoff(self, deployment: Deployment) -> int:
        """The earliest progress deadline among the groups that are not done, 0 when there is none."""
        waiting = [
            group.progress_by
            for name, group in deployment.groups.items()
            if group.progress_by and not self._done(deployment, name)
        ]
        return min(waiting, default=0)

    def _done(self, deployment: Deployment, name: str) -> bool:
        group = deployment.groups[name]
        if group.canarying:
            return False
        return self._healthy_now(deployment, name) >= group.desired_total

    def _healthy_now(self, deployment: Deployment, name: str) -> int:
        allocs = self._allocs(deployment)
        return sum(1 for alloc in allocs if alloc.group == name and not alloc.terminal and alloc.healthy)

    def _allocs(self, deployment: Deployment) -> list[Alloc]:
        allocs = self._state.job_allocs.get((deployment.namespace, deployment.job_id), {})
        return [alloc for alloc in allocs.values() if alloc.deployment_id == deployment.id]

    def _deadline_passed(self, deployment: Deployment) -> None:
        late = []
        for name, group in deployment.groups.items():
            wanted = group.desired_canaries if group.canarying else group.desired_total
            if group.healthy < wanted:
                late.append(name)
        # Healthy canaries that wait for their promotion are not late, however long they wait.
        if late:
            self._fail(deployment, texts.PROGRESS_DEADLINE, self._reverts(late, deployment))

    def _reverts(self, groups: Iterable[str], deployment: Deployment) -> bool:
        return any(deployment.groups[name].auto_revert for name in groups)

    # -- what operators do

    def promote(self, deployment: Deployment, groups: list[str] | None) -> Evaluation:
        """Promote groups (None: all); refused while a canary is not healthy."""
        _require_active(deployment, "promote")
        problems = []
        chosen = {name: group for name, group in deployment.groups.items() if groups is None or name in groups}
        healthy = [a for a in self._allocs(deployment) if a.canary and a.healthy and not a.terminal]
        for name, group in sorted(chosen.items()):
            have = sum(1 for alloc in healthy if alloc.group == name and alloc.id in group.placed_canaries)
            if have < group.desired_canaries:
                need = group.desired_canaries
                problems.append(f'Task group "{name}" has {have}/{need} healthy allocations')
        if problems:
            raise Refusal(500, joined(problems))
        self._state.commit()
        return self._promoted(deployment, list(chosen), healthy)

    def _promoted(self, deployment: Deployment, groups: list[str], canaries: list[Alloc]) -> Evaluation:
        state = self._state
        for name in groups:
            group = deployment.groups[name]
            group.promoted = True
            if group.progress_deadline and group.progress_by:
                group.progress_by = state.now + group.progress_deadline
        if not deployment.needs_promotion and deployment.status == "running":
            deployment.description = texts.RUNNING
        state.deployment_changed(deployment, "DeploymentPromotion")
        self.deadline_changed(deployment)
        for alloc in canaries:
            if alloc.group in groups and alloc.health is not None:
                alloc.health.canary = False
                alloc.health.modify_index = state.index
                state.alloc_changed(alloc, "DeploymentPromotion")
        evaluation = self._evaluation(deployment)
        self._evaluate(evaluation)
        return evaluation

    def _promote_when_healthy(self, deployment: Deployment) -> bool:
        """auto_promote: all canaried groups at once, as soon as every canary is healthy."""
        if not deployment.needs_promotion or not any(g.placed_canaries for g in deployment.groups.values()):
            return False
        healthy = [a for a in self._allocs(deployment) if a.canary and a.healthy]
        for name, group in deployment.groups.items():
            if group.desired_canaries == 0:
                continue
            have = sum(1 for alloc in healthy if alloc.group == name and alloc.id in group.placed_canaries)
            if not group.auto_promote or have != group.desired_canaries:
                return False
        self._state.commit()
        self._promoted(deployment, list(deployment.groups), healthy)
        return True

    def pause(self, deployment: Deployment, pause: bool) -> Evaluation | None:
        """Pause or resume; a resumed deployment is evaluated at once."""
        _require_active(deployment, "pause" if pause else "resume")
        self._state.commit()
        deployment.status = "paused" if pause else "running"
        deployment.description = texts.PAUSED if pause else texts.RUNNING
        self._state.deployment_changed(deployment, "DeploymentStatusUpdate")
        if pause:
            return None
        evaluation = self._evaluation(deployment)
        self._evaluate(evaluation)
        return evaluation

    def fail(self, deployment: Deployment) -> tuple[Evaluation, int | None]:
        """Mark as failed; also returns the version that auto_revert brings back, None without one."""
        _require_active(deployment, "fail")
        return self._fail(deployment, texts.FAILED_BY_USER, self._reverts(deployment.groups, deployment))

    def set_health(self, deployment: Deployment, healthy: list[str], unhealthy: list[str]) -> Evaluation:
        """Decide health by hand (health_check = "manual")."""
        if not deployment.active:
            raise Refusal(500, "can't set health of allocations for a terminal deployment")
        self._state.commit()
        for alloc in self._allocs(deployment):
            verdict = True if alloc.id in healthy else False if alloc.id in unhealthy else None
            if verdict is None or (alloc.health is not None and alloc.health.healthy is not None):
                continue
            alloc.decide(verdict, self._state.now, self._state.index)
            self._state.alloc_changed(alloc, "AllocationUpdated")
            self.health_decided(alloc)
        evaluation = self._evaluation(deployment)
        self._evaluate(evaluation)
        return evaluation

    def _fail(self, deployment: Deployment, reason: str, revert: bool) -> tuple[Evaluation, int | None]:
        state = self._state
        key = (deployment.namespace, deployment.job_id)
        target = state.stable_version(key) if revert else None
        current = state.jobs.get(key)
        if revert and target is None:
            reason = texts.no_stable_version(reason)
        elif target is not None and current is not None and not spec_changed(current.spec, target.spec):
            reason, target = texts.rollback_is_no_change(reason, target.version), None
        elif target is not None:
            reason = texts.rolling_back(reason, target.version)
        state.commit()
        deployment.status, deployment.description = "failed", reason
        state.deployment_changed(deployment, "DeploymentStatusUpdate")
        if target is not None:
            self._revert(target)
        evaluation = self._evaluation(deployment)
        self._evaluate(evaluation)
        return evaluation, None if target is None else target.version


def _require_active(deployment: Deployment, verb: str) -> None:
    if not deployment.active:
        raise Refusal(500, f"can't {verb} terminal deployment")
