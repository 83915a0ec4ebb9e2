"""What the API does with jobs: register, plan, stop, revert (`nomad/job_endpoint.go` of Nomad 1.6.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pryv_nomad.simulator.canonical import canonical_job, spec_changed
from pryv_nomad.simulator.diff import annotated_diff
from pryv_nomad.simulator.errors import Refusal
from pryv_nomad.simulator.objects import Evaluation, Job, JobKey
from pryv_nomad.simulator.scheduler import Scheduler
from pryv_nomad.simulator.state import State
from pryv_nomad.simulator.texts import ENFORCE_INDEX
from pryv_nomad.simulator.validation import check_job, joined

Json = dict[str, Any]


class Jobs:
    """The jobs' part of the server. `evaluate` queues an evaluation."""

    def __init__(self, state: State, scheduler: Scheduler, evaluate: Callable[[Evaluation], None]) -> None:
        self._state = state
        self._scheduler = scheduler
        self._evaluate = evaluate

    def find(self, key: JobKey) -> Job:
        """The current version of a job; 404 when there is none."""
        job = self._state.jobs.get(key)
        if job is None:
            raise Refusal(404, "job not found")
        return job

    def accepted(self, given: Any, namespace: str) -> Json:
        """A job of a request in its canonical form; refused when it is not valid."""
        if not isinstance(given, dict):
            raise Refusal(400, "Job must be specified")
        if not given.get("ID"):
            raise Refusal(400, "Job ID hasn't been provided")
        try:
            spec = canonical_job({**given, "Namespace": given.get("Namespace") or namespace})
            check_job(spec)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Refusal(400, f"cannot decode the job: {error}") from error
        return spec

    def register(self, request: Json, namespace: str) -> Json:
        """`PUT /v1/jobs`. An unchanged job keeps its version and its index; it is evaluated all the same."""
        spec = self.accepted(request.get("Job"), namespace)
        key: JobKey = (spec["Namespace"], spec["ID"])
        if key[0] not in self._state.namespaces:
            problem = f'job "{key[1]}" is in nonexistent namespace "{key[0]}"'
            raise Refusal(500, joined([problem]))
        current = self._state.jobs.get(key)
        if request.get("EnforceIndex"):
            _enforce(current, int(request.get("JobModifyIndex") or 0))
        if request.get("PreserveCounts") and current is not None:
            for group in spec["TaskGroups"]:
                if group["Name"] in current.groups:
                    group["Count"] = current.groups[group["Name"]]["Count"]
        return self._upsert(spec, current, stable=False)

    def _upsert(self, spec: Json, current: Job | None, stable: bool) -> Json:
        state = self._state
        index = state.commit()
        if current is None or spec_changed(current.spec, spec):
            version = current.version + 1 if current is not None else 0
            created = current.create_index if current is not None else index
            job = Job(spec, version, created, index, state.now)
            job.stable = stable
            job.status = current.status if current is not None else "pending"
            state.put_job(job)
        else:
            job = current
        eval_id = ""
        if job.launches:
            evaluation = self._scheduler.new_eval(job.key, "job-register", job_modify_index=job.job_modify_index)
            eval_id = evaluation.id
            self._evaluate(evaluation)
        state.refresh_status(job.key)
        return {
            "EvalCreateIndex": index if eval_id else 0, "EvalID": eval_id, "Index": index,
            "JobModifyIndex": job.job_modify_index, "KnownLeader": False, "LastContact": 0, "NextToken": "",
            "Warnings": "",
        }  # fmt: skip

    def make_current(self, old: Job) -> None:
        """auto_revert: an older version becomes the newest one, inside the caller's commit."""
        state = self._state
        current = state.jobs[old.key]
        job = Job(old.spec, current.version + 1, current.create_index, state.index, state.now)
        job.stable, job.status = old.stable, current.status
        state.put_job(job, "DeploymentStatusUpdate")

    def plan(self, job_id: str, request: Json, namespace: str) -> Json:
        """`PUT /v1/job/ID/plan`: what registering the job would do. Changes nothing."""
        spec = self.accepted(request.get("Job"), namespace)
        if spec["ID"] != job_id:
            raise Refusal(400, "Job ID does not match")
        key: JobKey = (spec["Namespace"], job_id)
        current = self._state.jobs.get(key)
        index = current.job_modify_index if current is not None else 0
        if current is None:
            job = Job(spec, 0, 100, 100, self._state.now)
        elif spec_changed(current.spec, spec):
            job = Job(spec, current.version + 1, current.create_index, index + 1, self._state.now)
        else:
            job = current
        trial = self._scheduler.trial(job)
        diff = None
        if request.get("Diff"):
            diff = annotated_diff(current.spec if current is not None else None, spec, trial.counts)
        return {
            "Annotations": {"DesiredTGUpdates": trial.counts, "PreemptedAllocs": None}, "CreatedEvals": None,
            "Diff": diff, "FailedTGAllocs": trial.failed or None, "Index": index, "JobModifyIndex": index,
            "NextPeriodicLaunch": None, "Warnings": "",
        }  # fmt: skip

    def deregister(self, key: JobKey, purge: bool) -> Json:
        """`DELETE /v1/job/ID`: stop a job, and forget it when `purge`. One that is not there is stopped already."""
        state = self._state
        current = state.jobs.get(key)
        answer = {
            "EvalCreateIndex": 0, "EvalID": "", "Index": 0, "JobModifyIndex": 0, "KnownLeader": False,
            "LastContact": 0, "NextToken": "", "VolumeEvalID": "", "VolumeEvalIndex": 0,
        }  # fmt: skip
        if current is None:
            return answer
        index = state.commit()
        if purge:
            state.remove_job(current)
        else:
            stopped = Job({**current.spec, "Stop": True}, current.version + 1, current.create_index, index, state.now)
            stopped.stable, stopped.status = current.stable, current.status
            state.put_job(stopped, "JobDeregistered")
        answer["Index"] = answer["JobModifyIndex"] = index
        if current.launches:
            evaluation = self._scheduler.new_eval(
                key, "job-deregister", current.spec["Priority"], current.type, job_modify_index=index
            )
            self._evaluate(evaluation)
            answer["EvalID"], answer["EvalCreateIndex"] = evaluation.id, index
        state.refresh_status(key)
        return answer

    def revert(self, key: JobKey, version: int, prior: int | None) -> Json:
        """`PUT /v1/job/ID/revert`: an older version becomes a new one; `prior` is the version that must be current."""
        current = self._state.jobs.get(key)
        if current is None:
            raise Refusal(500, f'job "{key[1]}" not found')
        if version == current.version:
            raise Refusal(500, "can't revert to current version")
        old = self._state.job_version(key, version)
        if old is None:
            raise Refusal(500, f'job "{key[1]}" in namespace "{key[0]}" at version {version} not found')
        if prior is not None and prior != current.version:
            raise Refusal(500, f"Current job has version {current.version}; enforcing version {prior}")
        return self._upsert(old.spec, current, stable=old.stable)

    def evaluate_again(self, key: JobKey) -> Json:
        """`PUT /v1/job/ID/evaluate`: look at a job again."""
        job = self.find(key)
        index = self._state.commit()
        evaluation = self._scheduler.new_eval(key, "job-register", job_modify_index=job.job_modify_index)
        self._evaluate(evaluation)
        return {
            "EvalCreateIndex": index, "EvalID": evaluation.id, "Index": index, "JobModifyIndex": job.job_modify_index,
        }  # fmt: skip

    def launch(self, key: JobKey) -> Json:
        """`PUT /v1/job/ID/periodic/force`: run a periodic job now, as a job of its own."""
        job = self.find(key)
        if not job.periodic:
            raise Refusal(500, f'can\'t force launch non-periodic job "{key[1]}"')
        child = {
            **job.spec, "ID": f"{job.id}/periodic-{self._state.now // 1_000_000_000}", "Periodic": None,
            "ParentID": job.id,
        }  # fmt: skip
        child["Name"] = child["ID"]
        answer = self._upsert(child, self._state.jobs.get((key[0], child["ID"])), stable=False)
        return {"EvalCreateIndex": answer["EvalCreateIndex"], "EvalID": answer["EvalID"], "Index": answer["Index"]}


def _enforce(current: Job | None, wanted: int) -> None:
    if current is None:
        if wanted:
            raise Refusal(500, f"{ENFORCE_INDEX} {wanted}: job does not exist")
    elif wanted == 0:
        raise Refusal(500, f"{ENFORCE_INDEX} 0: job already exists")
    elif wanted != current.job_modify_index:
        found = current.job_modify_index
        raise Refusal(500, f"{ENFORCE_INDEX} {wanted}: job exists with conflicting job modify index: {found}")


def summary(state: State, key: JobKey) -> Json:
    """Counts of a job's allocations by group and client status, as `GET /v1/job/ID/summary` gives them."""
    job = state.jobs.get(key)
    groups: dict[str, dict[str, int]] = {name: _zero() for name in (job.groups if job else ())}
    names = {"pending": "Starting", "running": "Running", "complete": "Complete", "failed": "Failed", "lost": "Lost"}
    names["unknown"] = "Unknown"
    for alloc in state.job_allocs.get(key, {}).values():
        groups.setdefault(alloc.group, _zero())[names[alloc.status]] += 1
    for name, queued in state.queued.get(key, {}).items():
        groups.setdefault(name, _zero())["Queued"] = queued
    children = {"Dead": 0, "Pending": 0, "Running": 0}
    if job is not None and job.periodic:
        for (space, other), child in state.jobs.items():
            if space == key[0] and other.startswith(f"{key[1]}/periodic-"):
                children[child.status.capitalize()] += 1
    index = state.job_index.get(key, 0)
    return {
        "Children": children, "CreateIndex": job.create_index if job else 0, "JobID": key[1], "ModifyIndex": index,
        "Namespace": key[0], "Summary": groups,
    }  # fmt: skip


def _zero() -> dict[str, int]:
    return dict.fromkeys(("Complete", "Failed", "Lost", "Queued", "Running", "Starting", "Unknown"), 0)


def stub(state: State, job: Job, with_meta: bool = False) -> Json:
    """A job as `GET /v1/jobs` lists it."""
    spec = job.spec
    result = {
        "CreateIndex": job.create_index, "Datacenters": spec["Datacenters"], "ID": job.id,
        "JobModifyIndex": job.job_modify_index, "JobSummary": summary(state, job.key),
        "ModifyIndex": job.modify_index, "Multiregion": None, "Name": spec["Name"], "Namespace": job.namespace,
        "NodePool": spec["NodePool"], "ParameterizedJob": spec["ParameterizedJob"] is not None,
        "ParentID": spec["ParentID"], "Periodic": job.periodic, "Priority": spec["Priority"], "Status": job.status,
        "StatusDescription": "", "Stop": job.stopped, "SubmitTime": job.submit_time, "Type": job.type,
    }  # fmt: skip
    if with_meta:
        result["Meta"] = spec["Meta"]
    return result
