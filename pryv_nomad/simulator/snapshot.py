"""The whole simulator as one JSON document, and back: a local cluster survives its restart.

What comes back is what was: identifiers, indexes, versions, the pending events of the timeline, Consul's keys and
catalog. Only the buffer of the event stream starts empty, as after a restart of Nomad's servers. The document is for
the same version of pryv-nomad; `FORMAT` says which.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from pryv_nomad.files import write_whole
from pryv_nomad.simulator.clock import Due
from pryv_nomad.simulator.consul import Consul
from pryv_nomad.simulator.consul.catalog import CatalogNode, Service
from pryv_nomad.simulator.consul.kv import Entry
from pryv_nomad.simulator.consul.sessions import Session
from pryv_nomad.simulator.errors import Refusal
from pryv_nomad.simulator.nodes import Node, NodeSpec
from pryv_nomad.simulator.objects import Alloc, Deployment, Evaluation, GroupState, Health, Job
from pryv_nomad.simulator.runner import Timing
from pryv_nomad.simulator.simulator import Simulator
from pryv_nomad.simulator.state import State
from pryv_nomad.simulator.tasks import TaskEvent, TaskState
from pryv_nomad.simulator.usage import claim

Json = dict[str, Any]

FORMAT = 1

# A job's attributes beside its specification, and a node's that are worked out anew.
_JOB = ("version", "create_index", "modify_index", "job_modify_index", "submit_time", "stable", "status")
_USE = frozenset({"cpu_used", "memory_used", "disk_used", "ports", "allocs", "spec"})
_PLAIN = ("index", "tables", "namespaces")


def save(simulator: Simulator, path: Path) -> None:
    """Write the snapshot, whole or not at all. It holds variables and keys: only its owner can read it."""
    write_whole(path, json.dumps(snapshot(simulator), separators=(",", ":")), 0o600)


def load(path: Path) -> Simulator:
    """Read a snapshot. Raises OSError, ValueError for what is not JSON, `Refusal` for another format."""
    return restored(json.loads(path.read_text(encoding="utf-8")))


def snapshot(simulator: Simulator) -> Json:
    """The simulator as JSON; call it when nothing is being done (`settle`)."""
    simulator.settle()
    state = simulator.state
    pool = _JobPool()
    return {
        "format": FORMAT,
        "seed": simulator.seed,
        "timing": asdict(simulator.timing),
        "now": state.now,
        "timeline": [list(due) for due in state.timeline.pending()],
        "ids": state.ids.state(),
        "state": {name: getattr(state, name) for name in _PLAIN},
        "nodes": [_node(node) for node in state.nodes.values()],
        "versions": [[list(key), [pool.number(job) for job in jobs]] for key, jobs in state.versions.items()],
        "allocs": [_alloc(alloc, pool) for alloc in state.allocs.values()],
        "deployments": [asdict(item) for item in state.deployments.values()],
        "evals": [asdict(item) for item in state.evals.values()],
        "queued": [[list(key), counts] for key, counts in state.queued.items()],
        "variables": list(state.variables.values()),
        "job_index": [[list(key), index] for key, index in state.job_index.items()],
        "jobs": pool.to_json(),
        "faults": simulator.faults.to_json(),
        "process": simulator.process_state(),
        "consul": _consul(simulator.consul),
    }


def restored(given: Json) -> Simulator:
    """The simulator of a snapshot."""
    if given.get("format") != FORMAT:
        raise Refusal(400, f"a snapshot of format {given.get('format')}, this is {FORMAT}")
    simulator = Simulator(given["seed"], given["now"], Timing(**given["timing"]))
    state = simulator.state
    state.ids.restore(given["ids"])
    state.timeline.restore([Due(at, order, kind, tuple(key)) for at, order, kind, key in given["timeline"]])
    for name in _PLAIN:
        setattr(state, name, given["state"][name])
    jobs = [_job_from(item) for item in given["jobs"]]
    for item in given["nodes"]:
        node = _node_from(item)
        state.nodes[node.id] = node
    for key, numbers in given["versions"]:
        versions = [jobs[number] for number in numbers]
        state.versions[tuple(key)] = versions
        state.jobs[tuple(key)] = versions[0]
    _restore_progress(state, given, jobs)
    simulator.faults.restore(given["faults"])
    simulator.restore_process(given["process"])
    _restore_consul(simulator.consul, given["consul"])
    state.changed_allocs = {}
    return simulator


def _restore_progress(state: State, given: Json, jobs: list[Job]) -> None:
    for item in given["allocs"]:
        alloc = _alloc_from(item, jobs)
        state.allocs[alloc.id] = alloc
        state.job_allocs.setdefault(alloc.job.key, {})[alloc.id] = alloc
        if not alloc.terminal:
            claim(state.nodes[alloc.node_id], alloc)
    for item in given["deployments"]:
        groups = {name: GroupState(**group) for name, group in item["groups"].items()}
        deployment = Deployment(**{**item, "groups": groups})
        state.deployments[deployment.id] = deployment
        state.job_deployments.setdefault((deployment.namespace, deployment.job_id), []).append(deployment)
    for item in given["evals"]:
        evaluation = Evaluation(**item)
        key = (evaluation.namespace, evaluation.job_id)
        state.evals[evaluation.id] = evaluation
        state.job_evals.setdefault(key, []).append(evaluation)
        if evaluation.status == "blocked":
            state.blocked[key] = evaluation
    state.queued = {tuple(key): counts for key, counts in given["queued"]}
    state.job_index = {tuple(key): index for key, index in given["job_index"]}
    state.variables = {(item["Namespace"], item["Path"]): item for item in given["variables"]}
    state.stale_stubs.update(state.jobs)


class _JobPool:
    """Versions of jobs by number: allocations share them."""

    def __init__(self) -> None:
        self._jobs: list[Job] = []
        self._numbers: dict[int, int] = {}

    def number(self, job: Job) -> int:
        if id(job) not in self._numbers:
            self._numbers[id(job)] = len(self._jobs)
            self._jobs.append(job)
        return self._numbers[id(job)]

    def to_json(self) -> list[Json]:
        return [{"spec": job.spec, **{name: getattr(job, name) for name in _JOB}} for job in self._jobs]


def _job_from(item: Json) -> Job:
    job = Job(item["spec"], item["version"], item["create_index"], item["modify_index"], item["submit_time"])
    for name in _JOB:
        setattr(job, name, item[name])
    return job


def _node(node: Node) -> Json:
    values = {item.name: getattr(node, item.name) for item in fields(Node) if item.name not in _USE}
    return {**values, "spec": asdict(node.spec)}


def _node_from(item: Json) -> Node:
    return Node(**{**item, "spec": NodeSpec.from_json(item["spec"])})


def _alloc(alloc: Alloc, pool: _JobPool) -> Json:
    values = {item.name: getattr(alloc, item.name) for item in fields(Alloc)}
    return {
        **values,
        "job": pool.number(alloc.job),
        "health": asdict(alloc.health) if alloc.health else None,
        "tasks": {name: _task(task) for name, task in alloc.tasks.items()},
    }


def _task(task: TaskState) -> Json:
    values = {item.name: getattr(task, item.name) for item in fields(TaskState)}
    return {**values, "events": [list(event) for event in task.events]}


def _alloc_from(item: Json, jobs: list[Job]) -> Alloc:
    tasks = {
        name: TaskState(**{**task, "events": tuple(TaskEvent(*event) for event in task["events"])})
        for name, task in item["tasks"].items()
    }
    health = Health(**item["health"]) if item["health"] else None
    return Alloc(**{**item, "job": jobs[item["job"]], "health": health, "tasks": tasks})


# -- Consul


def _consul(consul: Consul) -> Json:
    consul.sync()
    catalog = consul.catalog
    return {
        "index": consul.index,
        "session_index": consul.session_index,
        "closed": consul.closed,
        "kv": [{**asdict(entry), "value": _text(entry.value)} for entry in consul.kv.entries.values()],
        "gone": consul.kv.gone,
        "sessions": [asdict(session) for session in consul.sessions.values()],
        "catalog": {"index": catalog.index, "service_index": catalog.service_index},
        "nodes": [asdict(node) for node in catalog.nodes.values()],
    }


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _restore_consul(consul: Consul, given: Json) -> None:
    consul.index, consul.session_index, consul.closed = given["index"], given["session_index"], given["closed"]
    for item in given["kv"]:
        consul.kv.put_back(Entry(**{**item, "value": base64.b64decode(item["value"])}))
    consul.kv.gone = given["gone"]
    consul.sessions = {item["id"]: Session(**item) for item in given["sessions"]}
    catalog = consul.catalog
    catalog.index, catalog.service_index = given["catalog"]["index"], given["catalog"]["service_index"]
    catalog.nodes.clear()
    catalog.by_service.clear()
    for item in given["nodes"]:
        services = {key: Service(**service) for key, service in item["services"].items()}
        node = CatalogNode(**{**item, "services": services})
        catalog.nodes[node.name] = node
        for service in services.values():
            catalog.by_service.setdefault(service.name, {})[node.name, service.id] = None
