"""`/v1/evaluation…`, `/v1/allocation…`, `/v1/deployment…`, task logs and the event stream."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

from pryv_nomad.simulator.errors import Refusal
from pryv_nomad.simulator.events import Subscription
from pryv_nomad.simulator.http.nomad_api import READS, WRITES, NomadApi, namespace_of, paged
from pryv_nomad.simulator.http.routing import Reply, Request, encoded
from pryv_nomad.simulator.objects import Alloc, Deployment, Evaluation

Json = dict[str, Any]

# Seconds between heartbeats of the event stream (`nomad/stream/ndjson.go`).
HEARTBEAT = 10.0


def _alloc(api: NomadApi, request: Request) -> Alloc:
    found: Alloc = _found(api.state.allocs, request, "alloc")
    return found


def _deployment(api: NomadApi, request: Request, status: int = 404) -> Deployment:
    found: Deployment = _found(api.state.deployments, request, "deployment", status)
    return found


def _found(table: dict[str, Any], request: Request, noun: str, status: int = 404) -> Any:
    identifier = request.args["id"]
    if not re.fullmatch(r"[0-9a-f-]{36}", identifier):
        raise Refusal(500, f"{noun} lookup failed: index error: UUID must be 36 characters")
    found = table.get(identifier)
    if found is None:
        raise Refusal(status, f"{noun} not found")
    return found


def _list(items: list[Any], request: Request, index: int) -> Reply:
    """A page of objects in the order of their creation; tokens are as Nomad's: create index and identifier."""
    namespace, prefix = namespace_of(request), request.query.get("prefix", "")
    chosen = [
        (f"{item.create_index:020d}.{item.id}", item)
        for item in items
        if namespace in ("*", _namespace(item)) and item.id.startswith(prefix)
    ]
    chosen.sort(key=lambda pair: pair[0])
    page, token = paged([(key, {"item": item}) for key, item in chosen], request)
    shown: list[Any] = [entry["item"] for entry in page]
    reply = Reply([item.stub() if isinstance(item, Alloc) else item.to_json() for item in shown], index)
    if token:
        reply.headers["X-Nomad-NextToken"] = token
    return reply


def _namespace(item: Any) -> str:
    return item.job.namespace if isinstance(item, Alloc) else item.namespace


# -- evaluations


@READS.route("GET", "/v1/evaluations")
def evaluations(api: NomadApi, request: Request) -> Reply:
    found = list(api.state.evals.values())
    for name, attribute in (("status", "status"), ("job", "job_id")):
        if request.query.get(name):
            found = [item for item in found if getattr(item, attribute) == request.query[name]]
    return _list(found, request, api.state.tables["evals"])


@READS.route("GET", "/v1/evaluation/{id}")
def evaluation(api: NomadApi, request: Request) -> Reply:
    found: Evaluation = _found(api.state.evals, request, "eval")
    return Reply(found.to_json(), found.modify_index)


@READS.route("GET", "/v1/evaluation/{id}/allocations")
def evaluation_allocations(api: NomadApi, request: Request) -> Reply:
    found = api.state.evals.get(request.args["id"])
    allocs = api.state.job_allocs.get((found.namespace, found.job_id), {}).values() if found is not None else ()
    made = [alloc for alloc in allocs if found is not None and alloc.eval_id == found.id]
    return Reply([alloc.stub() for alloc in made], max((alloc.modify_index for alloc in made), default=1))


# -- allocations


@READS.route("GET", "/v1/allocations")
def allocations(api: NomadApi, request: Request) -> Reply:
    return _list(list(api.state.allocs.values()), request, api.state.tables["allocs"])


@READS.route("GET", "/v1/allocation/{id}")
def allocation(api: NomadApi, request: Request) -> Reply:
    found = _alloc(api, request)
    return Reply(found.to_json(), found.modify_index)


@WRITES.route("PUT POST", "/v1/allocation/{id}/stop")
def stop_allocation(api: NomadApi, request: Request) -> Reply:
    return Reply(api.simulator.stop_allocation(_alloc(api, request)))


@WRITES.route("PUT POST", "/v1/client/allocation/{id}/restart")
def restart_allocation(api: NomadApi, request: Request) -> Reply:
    found = _alloc(api, request)
    if found.status != "running":
        raise Refusal(500, "Task not running")
    api.simulator.runner.restart(found, str(request.json().get("TaskName") or ""))
    return Reply({})


@READS.route("GET", "/v1/client/fs/logs/{id}")
def logs(api: NomadApi, request: Request) -> Reply:
    found = _alloc(api, request)
    task = request.query.get("task", "")
    if not task:
        raise Refusal(400, "must provide task name")
    if task not in found.tasks:
        raise Refusal(404, f'task "{task}" not started yet. No logs available')
    stream = request.query.get("type", "")
    if stream not in ("stdout", "stderr"):
        raise Refusal(400, 'Log type must be "stdout" or "stderr"')
    lines = api.simulator.runner.logs.get(f"{found.id}/{task}", {}).get(stream, [])
    text = "".join(f"{line}\n" for line in lines).encode()
    offset = request.number("offset") or 0
    text = text[max(len(text) - offset, 0) :] if request.query.get("origin") == "end" else text[offset:]
    if not request.flag("plain"):
        import base64

        frame = {"File": f"{task}.{stream}.0", "Offset": len(text), "Data": base64.b64encode(text).decode()}
        return Reply(encoded(frame), content_type="application/json")
    return Reply(text, content_type="text/plain; charset=utf-8")


# -- deployments


@READS.route("GET", "/v1/deployments")
def deployments(api: NomadApi, request: Request) -> Reply:
    return _list(list(api.state.deployments.values()), request, api.state.tables["deployment"])


@READS.route("GET", "/v1/deployment/{id}")
def deployment(api: NomadApi, request: Request) -> Reply:
    found = _deployment(api, request)
    return Reply(found.to_json(), found.modify_index)


@READS.route("GET", "/v1/deployment/allocations/{id}")
def deployment_allocations(api: NomadApi, request: Request) -> Reply:
    found = _deployment(api, request)
    allocs = api.state.job_allocs.get((found.namespace, found.job_id), {}).values()
    chosen = [alloc for alloc in allocs if alloc.deployment_id == found.id]
    return Reply([alloc.stub() for alloc in chosen], max((alloc.modify_index for alloc in chosen), default=1))


def _progress(api: NomadApi, evaluation: Evaluation | None, reverted: int | None = None) -> Reply:
    index = api.state.index
    return Reply(
        {
            "DeploymentModifyIndex": index, "EvalCreateIndex": index if evaluation else 0,
            "EvalID": evaluation.id if evaluation else "", "Index": index, "RevertedJobVersion": reverted,
        }
    )  # fmt: skip


@WRITES.route("PUT POST", "/v1/deployment/promote/{id}")
def promote(api: NomadApi, request: Request) -> Reply:
    given = request.json()
    groups = None if given.get("All") else list(given.get("Groups") or [])
    if groups == []:
        raise Refusal(500, "missing task groups to promote or All")
    return _progress(api, api.simulator.deployments.promote(_deployment(api, request, 500), groups))


@WRITES.route("PUT POST", "/v1/deployment/pause/{id}")
def pause(api: NomadApi, request: Request) -> Reply:
    wanted = bool(request.json().get("Pause"))
    return _progress(api, api.simulator.deployments.pause(_deployment(api, request, 500), wanted))


@WRITES.route("PUT POST", "/v1/deployment/fail/{id}")
def fail(api: NomadApi, request: Request) -> Reply:
    return _progress(api, *api.simulator.deployments.fail(_deployment(api, request, 500)))


@WRITES.route("PUT POST", "/v1/deployment/allocation-health/{id}")
def set_health(api: NomadApi, request: Request) -> Reply:
    given = request.json()
    healthy, unhealthy = given.get("HealthyAllocationIDs") or [], given.get("UnhealthyAllocationIDs") or []
    return _progress(api, api.simulator.deployments.set_health(_deployment(api, request, 500), healthy, unhealthy))


# -- the event stream


@READS.route("GET", "/v1/event/stream")
def event_stream(api: NomadApi, request: Request) -> Reply:
    topics = [value for name, value in request.pairs if name == "topic"]
    wanted = Subscription.parse(topics, namespace_of(request))
    return Reply(stream=_events(api, wanted, request.number("index") or 0))


def _events(api: NomadApi, wanted: Subscription, index: int) -> Iterator[bytes]:
    """Batches as lines of JSON, and `{}` when nothing came for a while; ends when the server does."""
    yield b"{}\n"
    buffer, driver = api.state.events, api.driver
    with driver.changed:
        last = index - 1 if index else buffer.oldest_index() - 1
    while not driver.stopping:
        end = time.monotonic() + HEARTBEAT
        with driver.changed:
            batches = buffer.after(last)
            while not batches and not driver.stopping and time.monotonic() < end:
                driver.changed.wait(max(end - time.monotonic(), 0.001))
                batches = buffer.after(last)
        if not batches:
            yield b"{}\n"
            continue
        for number, events in batches:
            last = number
            chosen = [event.to_json() for event in events if wanted.matches(event)]
            if chosen:
                yield encoded({"Index": number, "Events": chosen}) + b"\n"
