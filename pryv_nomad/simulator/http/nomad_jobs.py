"""`/v1/jobs` and `/v1/job/…`."""

from __future__ import annotations

from typing import TypeVar

from pryv_nomad.simulator.canonical import canonical_job
from pryv_nomad.simulator.errors import Refusal
from pryv_nomad.simulator.http.nomad_api import READS, WRITES, NomadApi, namespace_of
from pryv_nomad.simulator.http.routing import Reply, Request
from pryv_nomad.simulator.jobs import summary
from pryv_nomad.simulator.objects import Alloc, Deployment, JobKey
from pryv_nomad.simulator.validation import check_job


def key_of(request: Request) -> JobKey:
    return (namespace_of(request), request.args["id"])


@READS.route("GET", "/v1/jobs")
def list_jobs(api: NomadApi, request: Request) -> Reply:
    body, token = api.job_list.page(
        namespace_of(request),
        request.query.get("prefix", ""),
        request.flag("meta"),
        request.number("per_page") or 0,
        request.query.get("next_token", ""),
    )
    reply = Reply(body, max(api.state.tables["jobs"], api.state.tables["allocs"]))
    if token:
        reply.headers["X-Nomad-NextToken"] = token
    return reply


@WRITES.route("PUT POST", "/v1/jobs")
def register(api: NomadApi, request: Request) -> Reply:
    given = request.json()
    answer = api.simulator.jobs.register(given, _namespace(given, request))
    return Reply(answer, answer["Index"])


def _namespace(given: dict[str, object], request: Request) -> str:
    """Where a job goes: the parameter's namespace, else the job's own."""
    job = given.get("Job")
    own = job.get("Namespace") if isinstance(job, dict) else None
    return request.query.get("namespace") or str(own or "default")


@WRITES.route("PUT POST", "/v1/jobs/parse")
def parse(_api: NomadApi, _request: Request) -> Reply:
    raise Refusal(501, "the simulator does not parse HCL: give it the job's JSON")


@WRITES.route("PUT POST", "/v1/validate/job")
def validate(_api: NomadApi, request: Request) -> Reply:
    given = request.json().get("Job")
    if not isinstance(given, dict):
        raise Refusal(400, "Job must be specified")
    problem = ""
    try:
        check_job(canonical_job(given))
    except Refusal as refusal:
        problem = refusal.text
    return Reply(
        {
            "DriverConfigValidated": True, "Error": problem, "ValidationErrors": [problem] if problem else None,
            "Warnings": "",
        }
    )  # fmt: skip


@WRITES.route("PUT POST", "/v1/job/{id}/plan")
def plan(api: NomadApi, request: Request) -> Reply:
    given = request.json()
    return Reply(api.simulator.jobs.plan(request.args["id"], given, _namespace(given, request)))


@WRITES.route("PUT POST", "/v1/job/{id}/revert")
def revert(api: NomadApi, request: Request) -> Reply:
    given = request.json()
    prior = given.get("EnforcePriorVersion")
    answer = api.simulator.jobs.revert(key_of(request), int(given.get("JobVersion") or 0), prior)
    return Reply(answer, answer["Index"])


@WRITES.route("PUT POST", "/v1/job/{id}/evaluate")
def evaluate(api: NomadApi, request: Request) -> Reply:
    return Reply(api.simulator.jobs.evaluate_again(key_of(request)))


@WRITES.route("PUT POST", "/v1/job/{id}/periodic/force")
def force_periodic(api: NomadApi, request: Request) -> Reply:
    return Reply(api.simulator.jobs.launch(key_of(request)))


@WRITES.route("DELETE", "/v1/job/{id...}")
def deregister(api: NomadApi, request: Request) -> Reply:
    answer = api.simulator.jobs.deregister(key_of(request), request.flag("purge"))
    return Reply(answer, answer["Index"])


@READS.route("GET", "/v1/job/{id}/versions")
def versions(api: NomadApi, request: Request) -> Reply:
    job = api.state.jobs.get(key_of(request))
    if job is None:
        raise Refusal(404, "job versions not found")
    found = [version.to_json() for version in api.state.versions[job.key]]
    return Reply(
        {
            "Diffs": None, "Index": job.modify_index, "KnownLeader": True, "LastContact": 0, "NextToken": "",
            "Versions": found,
        },
        job.modify_index,
    )  # fmt: skip


@READS.route("GET", "/v1/job/{id}/summary")
def job_summary(api: NomadApi, request: Request) -> Reply:
    job = api.simulator.jobs.find(key_of(request))
    return Reply(summary(api.state, job.key), api.state.job_index.get(job.key, 0))


T = TypeVar("T", Alloc, Deployment)


def _of_this_life(api: NomadApi, request: Request, found: list[T]) -> list[T]:
    """Without what belongs to an earlier job of the same name, unless `all` asks for it."""
    current = api.state.jobs.get(key_of(request))
    if current is None or request.flag("all"):
        return found
    return [item for item in found if _created(item) == current.create_index]


def _created(item: Alloc | Deployment) -> int:
    return item.job.create_index if isinstance(item, Alloc) else item.job_create_index


@READS.route("GET", "/v1/job/{id}/allocations")
def allocations(api: NomadApi, request: Request) -> Reply:
    found = _of_this_life(api, request, list(api.state.job_allocs.get(key_of(request), {}).values()))
    index = max((alloc.modify_index for alloc in found), default=1)
    return Reply([alloc.stub() for alloc in found], index)


@READS.route("GET", "/v1/job/{id}/evaluations")
def evaluations(api: NomadApi, request: Request) -> Reply:
    found = api.state.job_evals.get(key_of(request), [])
    index = max((evaluation.modify_index for evaluation in found), default=1)
    return Reply([evaluation.to_json() for evaluation in reversed(found)], index)


@READS.route("GET", "/v1/job/{id}/deployments")
def deployments(api: NomadApi, request: Request) -> Reply:
    found = _of_this_life(api, request, api.state.job_deployments.get(key_of(request), []))
    index = max((deployment.modify_index for deployment in found), default=1)
    return Reply([deployment.to_json() for deployment in reversed(found)], index)


@READS.route("GET", "/v1/job/{id}/deployment")
def latest_deployment(api: NomadApi, request: Request) -> Reply:
    deployments = _of_this_life(api, request, api.state.job_deployments.get(key_of(request), []))
    if not deployments:
        return Reply(None, 1)
    return Reply(deployments[-1].to_json(), deployments[-1].modify_index)


@READS.route("GET", "/v1/job/{id...}")
def job(api: NomadApi, request: Request) -> Reply:
    found = api.simulator.jobs.find(key_of(request))
    return Reply(found.to_json(), found.modify_index)
