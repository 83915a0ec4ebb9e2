"""How the platform is: each job and group as wanted, as it runs, and what differs. Pure, over Nomad's lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pryv_nomad.plan.observed import Observed, Record, Spec, Stub
from pryv_nomad.rollout.state import Rollout

NO_RECORDS = "Consul could not be read: who changed a job last, and failing checks, are not known"


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """One group. `desired` is the model's count, or what Nomad wants to run where the model does not have the job;
    `healthy` counts allocations that Nomad found healthy, `critical` those with a failing Consul check (None: not
    known)."""

    name: str
    desired: int
    running: int
    healthy: int
    critical: int | None = 0

    @property
    def well(self) -> bool:
        """Whether it is as wanted."""
        return self.running >= self.desired and not self.critical


@dataclass(frozen=True, slots=True)
class JobStatus:
    """One job. `state`: Nomad's status, `stopped`, or `missing`. `differs`: what it is not as in the model (empty:
    nothing; `?`: not known)."""

    job_id: str
    owner: str
    kind: str
    state: str
    version: int | None = None
    deployment: str = ""
    differs: str = ""
    groups: tuple[GroupStatus, ...] = ()

    @property
    def well(self) -> bool:
        """Whether it runs, and all its groups do."""
        return self.state == "running" and all(group.well for group in self.groups) and self.deployment != "failed"


@dataclass(frozen=True, slots=True)
class Status:
    """The platform. `notes` say what is not known."""

    domain: str
    release: str
    jobs: tuple[JobStatus, ...]
    notes: tuple[str, ...] = ()

    @property
    def well(self) -> bool:
        """Whether every job of the model is well."""
        return all(job.well for job in self.jobs if job.differs != "not in the model")

    def to_body(self) -> dict[str, Any]:
        """As JSON: version 1 of `pryv-nomad/status`."""
        jobs = [{**asdict(job), "well": job.well} for job in self.jobs]
        return {
            "format": "pryv-nomad/status",
            "version": 1,
            "domain": self.domain,
            "release": self.release,
            "well": self.well,
            "notes": list(self.notes),
            "jobs": [{"job": job.pop("job_id"), **job} for job in jobs],
        }


@dataclass(frozen=True, slots=True)
class Facts:
    """What Nomad and Consul say. `critical` are the allocations with a failing check, None where Consul is away."""

    observed: Observed
    allocations: Iterable[Mapping[str, Any]] = ()
    deployments: Iterable[Mapping[str, Any]] = ()
    critical: frozenset[str] | None = frozenset()


@dataclass
class _Tally:
    running: Counter[str] = field(default_factory=Counter)
    wanted: Counter[str] = field(default_factory=Counter)
    healthy: Counter[str] = field(default_factory=Counter)
    critical: Counter[str] = field(default_factory=Counter)
    version: int = -1


def status(specs: Iterable[Spec], counts: Mapping[str, Mapping[str, int]], facts: Facts) -> tuple[JobStatus, ...]:
    """The jobs of the model in its order, then those that we know and the model does not.

    `counts` maps job → group → count of the model.
    """
    tallies = _tallies(facts)
    deployments = _newest(facts.deployments)
    found: list[JobStatus] = []
    wanted: set[str] = set()
    for spec in specs:
        wanted.add(spec.job_id)
        stub, record = facts.observed.stubs.get(spec.job_id), facts.observed.record(spec.job_id)
        differs = _differs(spec, stub, record, facts.observed.records is not None)
        found.append(_job(spec.job_id, spec.owner, spec.kind, stub, differs, counts, tallies, deployments, facts))
    for job_id, record in sorted((facts.observed.records or {}).items()):
        stub = facts.observed.stubs.get(job_id)
        if job_id not in wanted and stub is not None and not stub.stopped:
            found.append(
                _job(job_id, record.owner, record.kind, stub, "not in the model", counts, tallies, deployments, facts)
            )
    return tuple(found)


def _job(
    job_id: str,
    owner: str,
    kind: str,
    stub: Stub | None,
    differs: str,
    counts: Mapping[str, Mapping[str, int]],
    tallies: Mapping[str, _Tally],
    deployments: Mapping[str, Rollout],
    facts: Facts,
) -> JobStatus:
    state = "missing" if stub is None else "stopped" if stub.stopped else stub.status
    tally = tallies.get(job_id) or _Tally()
    wanted = counts.get(job_id) or dict(tally.wanted)
    rollout = deployments.get(job_id)
    waits = stub is not None and stub.type in ("batch", "sysbatch")
    groups = tuple(
        GroupStatus(
            name=name,
            # A batch job is well while it waits for its next time.
            desired=0 if waits else count,
            running=tally.running[name],
            healthy=tally.healthy[name],
            critical=None if facts.critical is None else tally.critical[name],
        )
        for name, count in wanted.items()
    )
    return JobStatus(
        job_id=job_id,
        owner=owner,
        kind=kind,
        state=state,
        version=tally.version if tally.version >= 0 else None,
        deployment=rollout.status if rollout else "",
        differs=differs,
        groups=groups,
    )


def _differs(spec: Spec, stub: Stub | None, record: Record | None, known: bool) -> str:
    if stub is None:
        return "not there"
    if stub.stopped:
        return "stopped"
    if record is None:
        return "no record" if known else "?"
    if record.index != stub.index:
        return "changed by somebody else, or rolled back"
    return "" if record.hash == spec.hash else "spec differs"


def _tallies(facts: Facts) -> dict[str, _Tally]:
    tallies: dict[str, _Tally] = {}
    for each in facts.allocations:
        tally, group = tallies.setdefault(each["JobID"], _Tally()), each["TaskGroup"]
        if each.get("DesiredStatus") == "run":
            tally.wanted[group] += 1
            tally.version = max(tally.version, int(each.get("JobVersion") or 0))
        if each.get("ClientStatus") == "running":
            tally.running[group] += 1
            tally.healthy[group] += (each.get("DeploymentStatus") or {}).get("Healthy") is True
            tally.critical[group] += facts.critical is not None and each["ID"] in facts.critical
    return tallies


def _newest(deployments: Iterable[Mapping[str, Any]]) -> dict[str, Rollout]:
    newest: dict[str, tuple[int, Rollout]] = {}
    for each in deployments:
        created = int(each.get("CreateIndex") or 0)
        if each["JobID"] not in newest or newest[each["JobID"]][0] < created:
            newest[each["JobID"]] = (created, Rollout.of(each))
    return {job_id: rollout for job_id, (_, rollout) in newest.items()}


def critical_allocations(checks: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The allocations that Consul's failing checks belong to: Nomad calls a service `_nomad-task-ALLOCATION-…`."""
    ids = (str(check.get("ServiceID") or "") for check in checks)
    return frozenset(each.removeprefix("_nomad-task-")[:36] for each in ids if each.startswith("_nomad-task-"))
