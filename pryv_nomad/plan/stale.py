"""Whether a saved plan may still be run: same platform, and nothing moved since it was made."""

from __future__ import annotations

from collections.abc import Iterator

from pryv_nomad.errors import PlanFileError, StalePlan
from pryv_nomad.plan.change import Plan
from pryv_nomad.plan.intent import Platform
from pryv_nomad.plan.observed import Observed

SHOWN = 5


def check_platform(plan: Plan, platform: Platform) -> None:
    """Raise PlanFileError when the plan is for another platform than the cluster file's."""
    theirs = plan.intent.platform
    for name in ("domain", "region", "namespace"):
        planned, wanted = getattr(theirs, name), getattr(platform, name)
        if planned != wanted:
            raise PlanFileError(
                f"this plan is for another platform: its {name} is {planned!r}, the cluster file says {wanted!r}",
                "give the cluster file that the plan was made from (-c), or make a new plan",
            )


def check_fresh(plan: Plan, observed: Observed) -> None:
    """Raise StalePlan when a job or a record is not as it was when the plan was made."""
    moved = list(_moved(plan, observed))
    if moved:
        more = f" (and {len(moved) - SHOWN} more)" if len(moved) > SHOWN else ""
        raise StalePlan(
            f"the cluster has moved on since this plan was made: {'; '.join(moved[:SHOWN])}{more}",
            "make a new plan and look at it; nothing was changed",
        )


def _moved(plan: Plan, observed: Observed) -> Iterator[str]:
    for change in plan.changes:
        stub, record = observed.stubs.get(change.job_id), observed.record(change.job_id)
        index = stub.index if stub else 0
        if index != change.index:
            yield f"{change.job_id} has JobModifyIndex {index}, not {change.index}"
        elif (record and (record.hash, record.index)) != change.record:
            yield f"the record of {change.job_id} is another one"
    for job_id, index in plan.unchanged.items():
        stub = observed.stubs.get(job_id)
        if stub is None or stub.index != index:
            yield f"{job_id} has JobModifyIndex {stub.index if stub else 0}, not {index}"
    known = {change.job_id for change in plan.changes} | set(plan.unchanged)
    for job_id in sorted(observed.records or {}):
        if job_id not in known and job_id in observed.stubs and not observed.stubs[job_id].stopped:
            yield f"{job_id} was added"
