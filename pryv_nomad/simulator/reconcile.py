"""What must change so that a service or batch job runs as it should: a pure function of what is known.

`reconcile(View)` compares the job's current version with its allocations and its latest deployment and says which
allocations stop, which are placed, which are changed in place, and what becomes of the deployment. It changes nothing;
`scheduler.py` carries the answer out, and `/plan` only shows it. The rules are those of Nomad's
`scheduler/reconcile.go` (1.6.5), in our own words.
"""

from __future__ import annotations

from typing import Any

from pryv_nomad.simulator import texts
from pryv_nomad.simulator.decisions import Counts, Decision, View
from pryv_nomad.simulator.objects import Deployment, GroupState, Job
from pryv_nomad.simulator.reconcile_group import Group, Reconciliation, no_rolling, without_old_terminal
from pryv_nomad.simulator.taints import Allocs

Json = dict[str, Any]


def reconcile(view: View) -> Decision:
    """Decide what must change; see the module's docstring."""
    return _Job(view).decide()


class _Job(Reconciliation):
    """The reconciliation of a whole job."""

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self.old_deployment: Deployment | None = None

    def decide(self) -> Decision:
        job = self.view.job
        by_group: dict[str, Allocs] = {name: {} for name in (job.groups if job is not None else ())}
        for alloc in self.view.allocs:
            by_group.setdefault(alloc.group, {})[alloc.id] = alloc
        self._set_deployment_aside(job)
        if job is None or job.stopped:
            for name, allocs in by_group.items():
                live = {key: alloc for key, alloc in allocs.items() if not alloc.terminal}
                self.decision.counts[name] = Counts(stop=self.stop_all(live))
            return self.decision
        complete = True
        for name, allocs in by_group.items():
            complete = self._group(job, name, allocs) and complete
        self.decision.successful = complete and self.deployment is not None
        return self.decision

    def _set_deployment_aside(self, job: Job | None) -> None:
        """A deployment of another version, of a stopped job, or one that is done is not ours to continue."""
        deployment = self.deployment
        if deployment is None:
            return
        if job is None or job.stopped:
            if deployment.active:
                self.decision.cancel = (deployment, texts.STOPPED_JOB)
        elif (deployment.job_create_index, deployment.job_version) != (job.create_index, job.version):
            if deployment.active:
                self.decision.cancel = (deployment, texts.NEWER_JOB)
        elif deployment.status != "successful":
            return
        self.old_deployment = deployment
        self.deployment = None

    # -- one group

    def _group(self, job: Job, name: str, allocs: Allocs) -> bool:
        counts = self.decision.counts[name] = Counts()
        group = job.groups.get(name)
        if group is None:
            live = {key: alloc for key, alloc in allocs.items() if not alloc.terminal}
            counts.stop = self.stop_all(live)
            return True
        state, existing = self._group_state(name, group)
        if self.batch:
            allocs, counts.ignore = without_old_terminal(allocs, job)
        canaries, allocs = self._canaries(allocs, counts)
        return Group(self, job, group, state, existing, counts, canaries).decide(allocs)

    def _group_state(self, name: str, group: Json) -> tuple[GroupState, bool]:
        if self.deployment is not None and name in self.deployment.groups:
            return self.deployment.groups[name], True
        update = group["Update"]
        if no_rolling(update):
            return GroupState(), False
        return GroupState(
            auto_revert=update["AutoRevert"],
            auto_promote=update["AutoPromote"],
            progress_deadline=update["ProgressDeadline"],
        ), False

    def _canaries(self, allocs: Allocs, counts: Counts) -> tuple[Allocs, Allocs]:
        """Stop canaries that nobody waits for any more; return the deployment's own and all that is left."""
        unneeded: list[str] = []
        for deployment in (self.old_deployment, self.deployment if self.failed else None):
            for state in deployment.groups.values() if deployment is not None else ():
                if not state.promoted:
                    unneeded += state.placed_canaries
        stop = {key: allocs[key] for key in unneeded if key in allocs}
        self.stop({key: alloc for key, alloc in stop.items() if not alloc.terminal}, texts.NOT_NEEDED)
        counts.stop += len(stop)
        allocs = {key: alloc for key, alloc in allocs.items() if key not in stop}
        if self.deployment is None:
            return {}, allocs
        own = [key for state in self.deployment.groups.values() for key in state.placed_canaries]
        found = self.sort({key: allocs[key] for key in own if key in allocs})
        self.stop(found.migrate, texts.MIGRATING)
        self.stop(found.lost, texts.LOST, "lost")
        gone = {**found.migrate, **found.lost}
        return found.untainted, {key: alloc for key, alloc in allocs.items() if key not in gone}
