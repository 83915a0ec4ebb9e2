"""Nomad's jobs, evaluations, allocations and deployments. Bodies are Nomad's own JSON, unchanged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pryv_nomad.clients.failures import ConflictAfterRetry
from pryv_nomad.clients.nomad_base import Json, NomadConnection


class JobCalls(NomadConnection):
    """/v1/jobs and /v1/job."""

    def list_jobs(
        self, prefix: str = "", *, per_page: int = 0, meta: bool = False, timeout_s: float | None = None
    ) -> list[Json]:
        """Stubs (ID, Status, Stop, JobModifyIndex, JobSummary …) of all jobs whose ID begins with `prefix`.

        One request for all, or as many as it takes with `per_page` stubs each. `meta` adds the jobs' Meta.
        """
        params = {"prefix": prefix or None, "meta": meta or None}
        return self._read_list("jobs", timeout_s=timeout_s, params=params, per_page=per_page)

    def job(self, job_id: str, *, timeout_s: float | None = None) -> Json:
        """The job as Nomad holds it. Raises NotFound."""
        found: Json = self._read("job", job_id, timeout_s=timeout_s)
        return found

    def job_versions(self, job_id: str, *, timeout_s: float | None = None) -> list[Json]:
        """The kept versions of a job (six by default), newest first, each a whole job. Raises NotFound."""
        answer: Json = self._read("job", job_id, "versions", timeout_s=timeout_s)
        return answer.get("Versions") or []

    def job_summary(self, job_id: str, *, timeout_s: float | None = None) -> Json:
        """Counts of allocations by state, group by group (`Summary`). Raises NotFound."""
        found: Json = self._read("job", job_id, "summary", timeout_s=timeout_s)
        return found

    def register(
        self,
        job: Mapping[str, Any] | str,
        *,
        enforce_index: int,
        preserve_counts: bool = False,
        policy_override: bool = False,
        timeout_s: float | None = None,
    ) -> Json:
        """Create or change a job: `job` is its JSON as a mapping or as text (sent as it is, without the "Job" around).

        `enforce_index` is the JobModifyIndex that the job has now, 0 for one that must not exist; Conflict otherwise.
        The answer has EvalID and Warnings; its JobModifyIndex is not always the job's when nothing changed: read the
        job again. A try whose answer was lost is repeated; where the first had arrived after all, that counts as done.
        """
        text = job if isinstance(job, str) else json.dumps(job, separators=(",", ":"))
        fields = {
            "EnforceIndex": True,
            "JobModifyIndex": enforce_index,
            "PreserveCounts": preserve_counts,
            "PolicyOverride": policy_override,
        }
        body = f'{json.dumps(fields, separators=(",", ":"))[:-1]},"Job":{text}}}'.encode()
        try:
            answer: Json = self._write("POST", ["jobs"], timeout_s=timeout_s, body=body, repeatable=True)
        except ConflictAfterRetry:
            landed = self._landed(job, timeout_s)
            if landed is None:
                raise
            return landed
        return answer

    def _landed(self, job: Mapping[str, Any] | str, timeout_s: float | None) -> Json | None:
        """The answer that was lost, where Nomad now holds just this job: its scheduler sees no difference."""
        spec: Mapping[str, Any] = json.loads(job) if isinstance(job, str) else job
        plan = self.plan(spec, timeout_s=timeout_s)
        if plan["Diff"]["Type"] != "None":
            return None
        evaluations = self._read_list("job", spec["ID"], "evaluations", timeout_s=timeout_s)
        made = [item for item in evaluations if item.get("JobModifyIndex") == plan["JobModifyIndex"]]
        newest = max(made, key=lambda item: int(item["CreateIndex"]), default=None)
        return {
            "EvalID": newest["ID"] if newest else "",
            "EvalCreateIndex": newest["CreateIndex"] if newest else 0,
            "JobModifyIndex": plan["JobModifyIndex"],
            "Warnings": plan.get("Warnings") or "",
        }

    def plan(
        self,
        job: Mapping[str, Any] | str,
        diff: bool = True,
        policy_override: bool = False,
        *,
        timeout_s: float | None = None,
    ) -> Json:
        """What registering `job` would do: Annotations, FailedTGAllocs, JobModifyIndex, and Diff if asked."""
        spec: Mapping[str, Any] = json.loads(job) if isinstance(job, str) else job
        body = {"Job": spec, "Diff": diff, "PolicyOverride": policy_override}
        answer: Json = self._write("POST", ["job", spec["ID"], "plan"], timeout_s=timeout_s, body=body, repeatable=True)
        return answer

    def stop(self, job_id: str, purge: bool = False, *, timeout_s: float | None = None) -> Json:
        """Stop a job; with `purge` forget it too. Nomad has no check index here: read the job just before.

        The answer has EvalID, empty when there was nothing to stop.
        """
        params = {"purge": purge or None}
        answer: Json = self._write("DELETE", ["job", job_id], timeout_s=timeout_s, params=params)
        return answer

    def revert(self, job_id: str, version: int, enforce_prior_version: int, *, timeout_s: float | None = None) -> Json:
        """Register an earlier version again, as a new version. Conflict unless the job is at `enforce_prior_version`.

        ApiError when `version` is the current one or is no longer kept.
        """
        body = {"JobID": job_id, "JobVersion": version, "EnforcePriorVersion": enforce_prior_version}
        answer: Json = self._write("POST", ["job", job_id, "revert"], timeout_s=timeout_s, body=body, repeatable=True)
        return answer

    def parse(
        self, hcl: str, variables: str = "", *, canonicalize: bool = False, timeout_s: float | None = None
    ) -> Json:
        """The JSON of a job in HCL; `variables` is the text of a variable file. ApiError (400) for wrong HCL."""
        body = {"JobHCL": hcl, "Canonicalize": canonicalize, "Variables": variables}
        answer: Json = self._write("POST", ["jobs", "parse"], timeout_s=timeout_s, body=body, repeatable=True)
        return answer


class ProgressCalls(NomadConnection):
    """/v1/evaluation, /v1/allocation, /v1/deployment: what became of a registration."""

    def evaluation(self, evaluation_id: str, *, timeout_s: float | None = None) -> Json:
        """One evaluation (Status, FailedTGAllocs, BlockedEval, NextEval). Raises NotFound."""
        found: Json = self._read("evaluation", evaluation_id, timeout_s=timeout_s)
        return found

    def evaluations_for_job(self, job_id: str, *, timeout_s: float | None = None) -> list[Json]:
        """The evaluations of a job that are still kept; empty for an unknown job."""
        return self._read_list("job", job_id, "evaluations", timeout_s=timeout_s)

    def evaluation_allocations(self, evaluation_id: str, *, timeout_s: float | None = None) -> list[Json]:
        """Stubs of the allocations that an evaluation made or changed."""
        return self._read_list("evaluation", evaluation_id, "allocations", timeout_s=timeout_s)

    def allocations_for_job(self, job_id: str, all: bool = False, *, timeout_s: float | None = None) -> list[Json]:
        """Stubs of a job's allocations; with `all` also those of an earlier job of the same ID."""
        return self._read_list("job", job_id, "allocations", timeout_s=timeout_s, params={"all": all or None})

    def allocation(self, allocation_id: str, *, timeout_s: float | None = None) -> Json:
        """One allocation with its job, resources and TaskStates. Raises NotFound."""
        found: Json = self._read("allocation", allocation_id, timeout_s=timeout_s)
        return found

    def deployments(self, prefix: str = "", *, timeout_s: float | None = None) -> list[Json]:
        """All deployments; `prefix` is of the deployment's ID, not of the job's."""
        return self._read_list("deployments", timeout_s=timeout_s, params={"prefix": prefix or None})

    def deployment(self, deployment_id: str, *, timeout_s: float | None = None) -> Json:
        """One deployment (Status, TaskGroups with counts of canaries and healthy ones). Raises NotFound."""
        found: Json = self._read("deployment", deployment_id, timeout_s=timeout_s)
        return found

    def deployments_for_job(self, job_id: str, *, timeout_s: float | None = None) -> list[Json]:
        """The deployments of a job; empty for an unknown job."""
        return self._read_list("job", job_id, "deployments", timeout_s=timeout_s)

    def latest_deployment(self, job_id: str, *, timeout_s: float | None = None) -> Json | None:
        """The newest deployment of a job, None when it never had one."""
        found: Json | None = self._read("job", job_id, "deployment", timeout_s=timeout_s)
        return found

    def promote(
        self,
        deployment_id: str,
        all: bool = True,
        groups: Sequence[str] | None = None,
        *,
        timeout_s: float | None = None,
    ) -> Json:
        """Promote the canaries of the named `groups`, or of all. ApiError when they are not healthy or not there.

        The deployment should be one that was read just before.
        """
        body: Json = {"DeploymentID": deployment_id}
        body |= {"Groups": list(groups)} if groups is not None else {"All": all}
        answer: Json = self._write("POST", ["deployment", "promote", deployment_id], timeout_s=timeout_s, body=body)
        return answer

    def fail_deployment(self, deployment_id: str, *, timeout_s: float | None = None) -> Json:
        """Fail a running deployment; Nomad reverts the job where its update block says auto_revert."""
        answer: Json = self._write("POST", ["deployment", "fail", deployment_id], timeout_s=timeout_s, body={})
        return answer

    def pause_deployment(self, deployment_id: str, pause: bool, *, timeout_s: float | None = None) -> Json:
        """Pause a deployment, or let it go on."""
        body = {"DeploymentID": deployment_id, "Pause": pause}
        answer: Json = self._write("POST", ["deployment", "pause", deployment_id], timeout_s=timeout_s, body=body)
        return answer
