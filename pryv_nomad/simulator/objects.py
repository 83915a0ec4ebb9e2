"""Jobs, allocations, evaluations and deployments as the simulated server holds them, and their JSON.

The JSON has the names and the shape of Nomad 1.6.5's API; a key that our tool does not read may be missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pryv_nomad.simulator.tasks import TaskState
from pryv_nomad.simulator.texts import ACTIVE_DEPLOYMENT
from pryv_nomad.simulator.times import optional_rfc3339, rfc3339

Json = dict[str, Any]
JobKey = tuple[str, str]


class Job:
    """One version of a job. `spec` is its canonical form and is never changed in place; the rest is the server's."""

    __slots__ = (
        "create_index", "groups", "job_modify_index", "modify_index", "spec", "stable", "status", "submit_time",
        "version",
    )  # fmt: skip

    def __init__(self, spec: Json, version: int, create_index: int, index: int, submit_time: int) -> None:
        self.spec = spec
        self.version = version
        self.create_index = create_index
        self.modify_index = index
        self.job_modify_index = index
        self.submit_time = submit_time
        self.stable = False
        self.status = "pending"
        self.groups: dict[str, Json] = {group["Name"]: group for group in spec["TaskGroups"]}

    @property
    def id(self) -> str:
        return str(self.spec["ID"])

    @property
    def namespace(self) -> str:
        return str(self.spec["Namespace"])

    @property
    def key(self) -> JobKey:
        return (self.spec["Namespace"], self.spec["ID"])

    @property
    def type(self) -> str:
        return str(self.spec["Type"])

    @property
    def stopped(self) -> bool:
        return bool(self.spec["Stop"])

    @property
    def periodic(self) -> bool:
        return self.spec["Periodic"] is not None

    @property
    def launches(self) -> bool:
        """Whether registering it makes an evaluation: a periodic or parameterised job waits for its launches."""
        return not self.periodic and self.spec["ParameterizedJob"] is None

    def to_json(self) -> Json:
        """As `GET /v1/job/ID` shows it."""
        return {
            **self.spec, "CreateIndex": self.create_index, "JobModifyIndex": self.job_modify_index,
            "ModifyIndex": self.modify_index, "Stable": self.stable, "Status": self.status, "StatusDescription": "",
            "SubmitTime": self.submit_time, "Version": self.version,
        }  # fmt: skip


@dataclass(slots=True)
class Health:
    """What a deployment knows of an allocation: `healthy` is None until decided."""

    healthy: bool | None = None
    timestamp: int = 0
    canary: bool = False
    modify_index: int = 0

    def to_json(self) -> Json:
        return {
            "Canary": self.canary, "Healthy": self.healthy, "ModifyIndex": self.modify_index,
            "Timestamp": optional_rfc3339(self.timestamp),
        }  # fmt: skip


@dataclass(slots=True)
class Alloc:
    """One allocation: a task group of a job version on a node."""

    id: str
    name: str
    job: Job
    group: str
    node_id: str
    node_name: str
    eval_id: str
    create_index: int
    modify_index: int
    alloc_modify_index: int
    create_time: int
    modify_time: int
    deployment_id: str = ""
    health: Health | None = None
    desired: str = "run"
    desired_description: str = ""
    status: str = "pending"
    description: str = ""
    previous: str = ""
    next: str = ""
    followup_eval: str = ""
    migrate: bool = False
    allow_reschedule: bool = False
    reschedules: list[Json] = field(default_factory=list)
    tasks: dict[str, TaskState] = field(default_factory=dict)
    resources: Json = field(default_factory=dict)
    metrics: Json | None = None
    # When the client said unknown and when it came back: what max_client_disconnect is counted from.
    unknown_since: int = 0
    reconnecting: bool = False
    # Counts the starts, so that an event scheduled for an earlier life of the tasks is recognised as stale.
    generation: int = 0

    @property
    def client_terminal(self) -> bool:
        return self.status in ("complete", "failed", "lost")

    @property
    def terminal(self) -> bool:
        return self.desired in ("stop", "evict") or self.client_terminal

    @property
    def canary(self) -> bool:
        return self.health is not None and self.health.canary

    @property
    def healthy(self) -> bool:
        return self.health is not None and self.health.healthy is True

    @property
    def unhealthy(self) -> bool:
        return self.health is not None and self.health.healthy is False

    def decide(self, healthy: bool, now: int, index: int) -> None:
        """Write down whether it is healthy."""
        if self.health is None:
            self.health = Health()
        self.health.healthy, self.health.timestamp, self.health.modify_index = healthy, now, index

    @property
    def number(self) -> int:
        """The index in its name: 2 of `web.api[2]`."""
        return int(self.name[self.name.rindex("[") + 1 : -1])

    def stub(self) -> Json:
        """As a list of allocations shows it."""
        tracker = {"Events": self.reschedules} if self.reschedules else None
        yes = {True: True, False: None}
        return {
            "ClientDescription": self.description, "ClientStatus": self.status, "CreateIndex": self.create_index,
            "CreateTime": self.create_time, "DeploymentStatus": self.health.to_json() if self.health else None,
            "DesiredDescription": self.desired_description, "DesiredStatus": self.desired,
            "DesiredTransition": {
                "ForceReschedule": None, "Migrate": yes[self.migrate], "NoShutdownDelay": None,
                "Reschedule": yes[self.allow_reschedule],
            },
            "EvalID": self.eval_id, "FollowupEvalID": self.followup_eval, "ID": self.id, "JobID": self.job.id,
            "JobType": self.job.type, "JobVersion": self.job.version, "ModifyIndex": self.modify_index,
            "ModifyTime": self.modify_time, "Name": self.name, "Namespace": self.job.namespace,
            "NextAllocation": self.next, "NodeID": self.node_id, "NodeName": self.node_name,
            "PreemptedAllocations": None, "PreemptedByAllocation": "", "RescheduleTracker": tracker,
            "TaskGroup": self.group, "TaskStates": self.task_states(),
        }  # fmt: skip

    def task_states(self) -> Json | None:
        """Its tasks' states, None until the client has received it."""
        if not any(task.events for task in self.tasks.values()):
            return None
        return {name: task.to_json() for name, task in sorted(self.tasks.items())}

    def to_json(self, with_job: bool = True) -> Json:
        """As `GET /v1/allocation/ID` shows it; the event stream leaves the job out."""
        result = self.stub()
        for key in ("JobType", "JobVersion"):
            del result[key]
        result["PreviousAllocation"] = self.previous
        result["DeploymentID"] = self.deployment_id
        result["AllocModifyIndex"] = self.alloc_modify_index
        result["AllocatedResources"] = self.resources
        result["Metrics"] = self.metrics
        if with_job:
            result["Job"] = self.job.to_json()
        return result


@dataclass(slots=True)
class Evaluation:
    """One evaluation: `status` is pending, complete, blocked, failed or canceled."""

    id: str
    namespace: str
    job_id: str
    type: str
    priority: int
    triggered_by: str
    create_index: int
    modify_index: int
    create_time: int
    modify_time: int
    status: str = "pending"
    description: str = ""
    job_modify_index: int = 0
    deployment_id: str = ""
    node_id: str = ""
    previous: str = ""
    next: str = ""
    blocked: str = ""
    wait_until: int = 0
    snapshot_index: int = 0
    queued: dict[str, int] | None = None
    failed_groups: dict[str, Json] | None = None

    def to_json(self) -> Json:
        """As `GET /v1/evaluation/ID` shows it; Nomad leaves out what is empty."""
        result: Json = {
            "CreateIndex": self.create_index, "CreateTime": self.create_time, "ID": self.id, "JobID": self.job_id,
            "ModifyIndex": self.modify_index, "ModifyTime": self.modify_time, "Namespace": self.namespace,
            "Priority": self.priority, "Status": self.status, "TriggeredBy": self.triggered_by, "Type": self.type,
        }  # fmt: skip
        optional = {
            "StatusDescription": self.description, "JobModifyIndex": self.job_modify_index, "NodeID": self.node_id,
            "DeploymentID": self.deployment_id, "PreviousEval": self.previous, "NextEval": self.next,
            "BlockedEval": self.blocked, "SnapshotIndex": self.snapshot_index, "QueuedAllocations": self.queued,
            "FailedTGAllocs": self.failed_groups,
            "WaitUntil": rfc3339(self.wait_until) if self.wait_until else None,
        }  # fmt: skip
        result.update({key: value for key, value in optional.items() if value})
        return result


@dataclass(slots=True)
class GroupState:
    """What a deployment knows of one group."""

    auto_revert: bool = False
    auto_promote: bool = False
    promoted: bool = False
    placed_canaries: list[str] = field(default_factory=list)
    desired_canaries: int = 0
    desired_total: int = 0
    placed: int = 0
    healthy: int = 0
    unhealthy: int = 0
    progress_deadline: int = 0
    progress_by: int = 0

    @property
    def canarying(self) -> bool:
        return self.desired_canaries > 0 and not self.promoted

    def to_json(self) -> Json:
        return {
            "AutoPromote": self.auto_promote, "AutoRevert": self.auto_revert,
            "DesiredCanaries": self.desired_canaries, "DesiredTotal": self.desired_total,
            "HealthyAllocs": self.healthy, "PlacedAllocs": self.placed,
            "PlacedCanaries": list(self.placed_canaries) or None, "ProgressDeadline": self.progress_deadline,
            "Promoted": self.promoted, "RequireProgressBy": optional_rfc3339(self.progress_by),
            "UnhealthyAllocs": self.unhealthy,
        }  # fmt: skip


@dataclass(slots=True)
class Deployment:
    """The way from one version of a job to the next."""

    id: str
    namespace: str
    job_id: str
    job_version: int
    job_modify_index: int
    job_create_index: int
    create_index: int
    modify_index: int
    eval_priority: int = 50
    status: str = "running"
    description: str = ""
    groups: dict[str, GroupState] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        return self.status in ACTIVE_DEPLOYMENT

    @property
    def needs_promotion(self) -> bool:
        return self.status == "running" and any(group.canarying for group in self.groups.values())

    @property
    def auto_promotes(self) -> bool:
        """Whether every group with canaries promotes by itself."""
        canaried = [group for group in self.groups.values() if group.desired_canaries > 0]
        return bool(canaried) and all(group.auto_promote for group in canaried)

    def to_json(self) -> Json:
        return {
            "CreateIndex": self.create_index, "EvalPriority": self.eval_priority, "ID": self.id,
            "IsMultiregion": False, "JobCreateIndex": self.job_create_index, "JobID": self.job_id,
            "JobModifyIndex": self.job_modify_index, "JobSpecModifyIndex": self.job_modify_index,
            "JobVersion": self.job_version, "ModifyIndex": self.modify_index, "Namespace": self.namespace,
            "Status": self.status, "StatusDescription": self.description,
            "TaskGroups": {name: group.to_json() for name, group in sorted(self.groups.items())},
        }  # fmt: skip
