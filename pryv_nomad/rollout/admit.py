"""What a run may do of a plan: others' changes and stops need to be asked for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pryv_nomad.errors import Conflict, Refused
from pryv_nomad.plan.change import Action, Change, Plan
from pryv_nomad.plan.observed import Record
from pryv_nomad.plan.values import counted
from pryv_nomad.rollout.state import Rollout

SHOWN = 5
OPEN = frozenset({"running", "paused", "pending", "initializing", "blocked", "unblocking"})


@dataclass(frozen=True, slots=True)
class Consent:
    """What was asked for besides the plain changes. `prune`: stop jobs that left the model; `force`: also those of a
    core; `overwrite`: put our spec in place of what somebody else changed."""

    prune: bool = False
    force: bool = False
    overwrite: bool = False


def admit(plan: Plan, consent: Consent) -> tuple[Plan, tuple[str, ...]]:
    """The plan as far as it may be carried out, and what was left out. Raises Refused or Conflict."""
    stops = [change for change in plan.changes if change.action is Action.STOP]
    notes: tuple[str, ...] = ()
    if stops and not consent.prune:
        plan = replace(plan, changes=tuple(change for change in plan.changes if change.action is not Action.STOP))
        notes = (f"{_named(stops)} no longer in the cluster file, left running (--prune stops them)",)
    cores = [change for change in stops if change.core]
    if consent.prune and cores and not consent.force:
        raise Refused(
            f"{_named(cores)} would be stopped: jobs of cores that left the cluster file, with their users' data",
            "put the cores back into the cluster file, or say --force besides --prune; nothing was changed",
        )
    if plan.drifted and not consent.overwrite:
        told = "; ".join(f"{change.job_id}: {change.drift}" for change in plan.drifted[:SHOWN])
        more = f" (and {len(plan.drifted) - SHOWN} more)" if len(plan.drifted) > SHOWN else ""
        raise Conflict(
            f"somebody else's change would be overwritten: {told}{more}",
            "take the change over into the cluster file, or say --overwrite; nothing was changed",
        )
    return plan, notes


def _named(changes: Iterable[Change]) -> str:
    names = [change.job_id for change in changes]
    shown = ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")
    return f"{counted(len(names), 'job')} ({shown})"


def unfinished(
    plan: Plan, records: Mapping[str, Record], deployments: Iterable[Mapping[str, Any]]
) -> tuple[tuple[Change, ...], dict[str, Rollout]]:
    """(unchanged jobs whose deployment is still open, unchanged jobs whose deployment did not succeed).

    An interrupted run leaves the first: they are watched to their end, and promoted. The second did not become healthy
    and nothing in the plan will change that.
    """
    newest: dict[str, tuple[int, Rollout]] = {}
    for each in deployments:
        job_id, created = each["JobID"], int(each.get("CreateIndex") or 0)
        ours = int(each.get("JobSpecModifyIndex") or 0) == plan.unchanged.get(job_id, -1)
        if ours and (job_id not in newest or newest[job_id][0] < created):
            newest[job_id] = (created, Rollout.of(each))
    watched = []
    for job_id, (_, rollout) in newest.items():
        if rollout.status in OPEN:
            record = records.get(job_id) or Record("", 0)
            core = record.owner if record.hosting else ""
            watched.append(
                Change(
                    job_id=job_id,
                    owner=record.owner,
                    kind=record.kind,
                    action=Action.WATCH,
                    index=plan.unchanged[job_id],
                    hash=record.hash,
                    core=core,
                    hosting=record.hosting,
                )
            )
    failed = {job_id: rollout for job_id, (_, rollout) in newest.items() if rollout.status in ("failed", "cancelled")}
    return tuple(watched), failed
