"""The plan that stops what runs: the edges of the cores first, data last, then the registry from its edge to redis."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pryv_nomad import __version__
from pryv_nomad.plan.build import in_order
from pryv_nomad.plan.change import Action, Change, Plan
from pryv_nomad.plan.intent import Intent
from pryv_nomad.plan.observed import Observed, Spec


def stops(intent: Intent, specs: Iterable[Spec], observed: Observed, takes: Callable[[str, str], bool]) -> Plan:
    """A stop of every running job of the platform that `takes` takes, by job id and owner.

    The platform's jobs are those of the model and those that our records know.
    """
    owners = {job_id: (record.owner, record.kind) for job_id, record in (observed.records or {}).items()}
    hashes = {job_id: record.hash for job_id, record in (observed.records or {}).items()}
    for spec in specs:
        owners[spec.job_id] = (spec.owner, spec.kind)
        hashes.setdefault(spec.job_id, spec.hash)
    hostings = intent.hostings
    changes = []
    for job_id, (owner, kind) in owners.items():
        stub = observed.stubs.get(job_id)
        if stub is None or stub.stopped or not takes(job_id, owner):
            continue
        record = observed.record(job_id)
        hosting = hostings.get(owner) or (record.hosting if record else "")
        core = owner if hosting and job_id == f"pryv-{kind}-{owner}" else ""
        changes.append(
            Change(job_id, owner, kind, Action.STOP, stub.index, hashes[job_id], core, hosting if core else "")
        )
    return Plan(intent=intent, tool=__version__, changes=in_order(changes, intent))
