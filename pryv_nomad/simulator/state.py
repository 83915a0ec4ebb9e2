"""The tables of the simulated server, and the one place where they change.

Every change goes through a method here, which keeps the indexes of the tables (what blocking queries wait for), the
job's status, the use of the nodes, and the event stream. An index stands for one commit; `commit()` opens the next.
"""

from __future__ import annotations

from typing import Any

from pryv_nomad.simulator.clock import EPOCH, Timeline
from pryv_nomad.simulator.events import EventBuffer
from pryv_nomad.simulator.ids import Ids
from pryv_nomad.simulator.nodes import Node, NodeSpec, add_event, made_node, node_json
from pryv_nomad.simulator.objects import Alloc, Deployment, Evaluation, Job, JobKey
from pryv_nomad.simulator.usage import claim, release

Json = dict[str, Any]

# Versions of a job that are kept (`job_tracked_versions`).
TRACKED_VERSIONS = 6

TABLES = ("jobs", "allocs", "evals", "deployment", "nodes", "variables", "namespaces")


class State:
    """All that the simulated cluster knows. Objects are changed in place, always followed by the `…_changed` method."""

    def __init__(self, seed: int = 0, start: int = EPOCH, keep_log: bool = False, capture: bool = True) -> None:
        self.ids = Ids(seed)
        self.timeline = Timeline(start)
        self.events = EventBuffer(capture, keep_log)
        self.index = 1
        self.tables: dict[str, int] = dict.fromkeys(TABLES, 1)
        self.nodes: dict[str, Node] = {}
        self.jobs: dict[JobKey, Job] = {}
        self.versions: dict[JobKey, list[Job]] = {}
        self.allocs: dict[str, Alloc] = {}
        self.job_allocs: dict[JobKey, dict[str, Alloc]] = {}
        self.deployments: dict[str, Deployment] = {}
        self.job_deployments: dict[JobKey, list[Deployment]] = {}
        self.evals: dict[str, Evaluation] = {}
        self.job_evals: dict[JobKey, list[Evaluation]] = {}
        self.blocked: dict[JobKey, Evaluation] = {}
        self.queued: dict[JobKey, dict[str, int]] = {}
        self.namespaces: dict[str, Json] = {}
        self.variables: dict[tuple[str, str], Json] = {}
        # When anything of a job changed last: what blocking queries about one job wait for.
        self.job_index: dict[JobKey, int] = {}
        # Jobs whose entry in the list of jobs is out of date; the HTTP face keeps the entries serialised.
        self.stale_stubs: set[JobKey] = set()
        self.node_generation = 0
        # Allocations that changed since the catalog looked; None while nobody looks.
        self.changed_allocs: dict[str, None] | None = None
        self.put_namespace("default", "Default shared namespace")

    @property
    def now(self) -> int:
        return self.timeline.now

    def commit(self) -> int:
        """The next index: everything that is changed until the next call belongs to it."""
        self.index += 1
        return self.index

    # -- namespaces

    def put_namespace(self, name: str, description: str, meta: Json | None = None) -> None:
        index = self.commit()
        created = self.namespaces.get(name, {}).get("CreateIndex", index)
        self.namespaces[name] = {
            "Capabilities": None, "CreateIndex": created, "Description": description, "Hash": "", "Meta": meta,
            "ModifyIndex": index, "Name": name, "NodePoolConfiguration": None, "Quota": "",
        }  # fmt: skip
        self.tables["namespaces"] = index

    # -- nodes

    def add_node(self, spec: NodeSpec) -> Node:
        """Register a node; one of the same name is replaced by the new description and keeps its identity."""
        index = self.commit()
        known = next((node for node in self.nodes.values() if node.name == spec.name), None)
        if known is None:
            node = made_node(spec, self.ids.uuid(), len(self.nodes), index, self.now)
            self.nodes[node.id] = node
        else:
            fresh = made_node(spec, known.id, 0, known.create_index, self.now)
            node = known
            node.spec, node.attributes, node.meta = spec, fresh.attributes, fresh.meta
            node.computed_class = fresh.computed_class
            node.address = spec.address or node.address
        self.node_changed(node, "NodeRegistration")
        return node

    def node_changed(self, node: Node, kind: str, message: str = "", subsystem: str = "Cluster") -> None:
        node.modify_index = self.index
        node.updated_at = self.now
        if message:
            add_event(node, self.now, subsystem, message)
        self.tables["nodes"] = self.index
        self.node_generation += 1
        self.events.publish(
            self.index, "Node", kind, node.id, "", (), lambda: {"Node": node_json(node)},
            f"{node.name} {node.status} {node.eligibility}",
        )  # fmt: skip

    # -- jobs

    def put_job(self, job: Job, kind: str = "JobRegistered") -> None:
        """Make `job` the current version and keep the older ones that are still tracked."""
        key = job.key
        self.jobs[key] = job
        versions = self.versions.setdefault(key, [])
        versions.insert(0, job)
        if len(versions) > TRACKED_VERSIONS:
            stable = next((number for number, version in enumerate(versions) if version.stable), -1)
            drop = TRACKED_VERSIONS - 1 if stable == TRACKED_VERSIONS else TRACKED_VERSIONS
            del versions[drop]
        self.job_changed(job, kind)

    def job_changed(self, job: Job, kind: str) -> None:
        job.modify_index = self.index
        self.tables["jobs"] = self.index
        self._touch(job.key)
        self.events.publish(
            self.index, "Job", kind, job.id, job.namespace, (), lambda: {"Job": job.to_json()},
            f"v{job.version} {job.status}",
        )  # fmt: skip

    def remove_job(self, job: Job, kind: str = "JobDeregistered") -> None:
        """Forget a job and its versions; allocations and evaluations stay."""
        del self.jobs[job.key]
        del self.versions[job.key]
        self.blocked.pop(job.key, None)
        self.tables["jobs"] = self.index
        self._touch(job.key)
        self.events.publish(
            self.index, "Job", kind, job.id, job.namespace, (), lambda: {"Job": job.to_json()}, "purged"
        )

    def job_version(self, key: JobKey, version: int) -> Job | None:
        return next((job for job in self.versions.get(key, []) if job.version == version), None)

    def stable_version(self, key: JobKey) -> Job | None:
        """The newest version that has been healthy."""
        return next((job for job in self.versions.get(key, []) if job.stable), None)

    def _touch(self, key: JobKey) -> None:
        self.job_index[key] = self.index
        self.stale_stubs.add(key)

    def refresh_status(self, key: JobKey, kind: str = "JobRegistered") -> None:
        """Compute a job's status anew: running, pending or dead."""
        job = self.jobs.get(key)
        if job is None:
            return
        status = self._job_status(job)
        if status != job.status:
            job.status = status
            self.job_changed(job, kind)

    def _job_status(self, job: Job) -> str:
        if job.type == "system" or not job.launches:
            return "dead" if job.stopped else "running"
        allocs = self.job_allocs.get(job.key, {})
        if any(not alloc.terminal for alloc in allocs.values()):
            return "running"
        evals = self.job_evals.get(job.key, [])
        if any(evaluation.status in ("pending", "blocked") for evaluation in evals[-3:]):
            return "pending"
        return "dead" if evals or allocs else "pending"

    # -- allocations

    def put_alloc(self, alloc: Alloc, kind: str) -> None:
        """Add a new allocation and count what it takes on its node."""
        self.allocs[alloc.id] = alloc
        self.job_allocs.setdefault(alloc.job.key, {})[alloc.id] = alloc
        claim(self.nodes[alloc.node_id], alloc)
        self.alloc_changed(alloc, kind)

    def alloc_changed(self, alloc: Alloc, kind: str, by_server: bool = True) -> None:
        alloc.modify_index = self.index
        alloc.modify_time = self.now
        if by_server:
            alloc.alloc_modify_index = self.index
        if alloc.terminal:
            node = self.nodes.get(alloc.node_id)
            if node is not None:
                release(node, alloc)
                if alloc.client_terminal:
                    node.stopping.pop(alloc.id, None)
                else:
                    node.stopping[alloc.id] = None
        if self.changed_allocs is not None:
            self.changed_allocs[alloc.id] = None
        self.tables["allocs"] = self.index
        self._touch(alloc.job.key)
        self.events.publish(
            self.index, "Allocation", kind, alloc.id, alloc.job.namespace, (alloc.job.id, alloc.deployment_id),
            lambda: {"Allocation": alloc.to_json(with_job=False)},
            f"{alloc.name} v{alloc.job.version} {alloc.desired} {alloc.status}",
        )  # fmt: skip

    # -- deployments

    def put_deployment(self, deployment: Deployment, kind: str = "PlanResult") -> None:
        key = (deployment.namespace, deployment.job_id)
        if deployment.id not in self.deployments:
            self.deployments[deployment.id] = deployment
            self.job_deployments.setdefault(key, []).append(deployment)
        self.deployment_changed(deployment, kind)

    def deployment_changed(self, deployment: Deployment, kind: str) -> None:
        deployment.modify_index = self.index
        self.tables["deployment"] = self.index
        self._touch((deployment.namespace, deployment.job_id))
        self.events.publish(
            self.index, "Deployment", kind, deployment.id, deployment.namespace, (deployment.job_id,),
            lambda: {"Deployment": deployment.to_json()},
            f"{deployment.job_id} v{deployment.job_version} {deployment.status}: {deployment.description}",
        )  # fmt: skip

    def latest_deployment(self, key: JobKey) -> Deployment | None:
        found = self.job_deployments.get(key)
        return found[-1] if found else None

    # -- evaluations

    def put_eval(self, evaluation: Evaluation, kind: str) -> None:
        if evaluation.id not in self.evals:
            self.evals[evaluation.id] = evaluation
            self.job_evals.setdefault((evaluation.namespace, evaluation.job_id), []).append(evaluation)
        evaluation.modify_index = self.index
        evaluation.modify_time = self.now
        self.tables["evals"] = self.index
        self._touch((evaluation.namespace, evaluation.job_id))
        self.events.publish(
            self.index, "Evaluation", kind, evaluation.id, evaluation.namespace,
            (evaluation.job_id, evaluation.deployment_id), lambda: {"Evaluation": evaluation.to_json()},
            f"{evaluation.job_id} {evaluation.triggered_by} {evaluation.status}",
        )  # fmt: skip
