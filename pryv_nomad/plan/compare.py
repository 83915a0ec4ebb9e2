"""Which jobs need a closer look: a comparison of hashes and indexes, without asking Nomad about a single job."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pryv_nomad.plan.observed import Observed, Record, Spec, Stub


class Look(StrEnum):
    """Why a job is not simply unchanged."""

    NEW = "new"
    """Nomad does not know it."""
    STOPPED = "stopped"
    """It stands in Nomad, stopped."""
    CHANGED = "changed"
    """Its spec is another one than we registered; Nomad's job is still as we left it."""
    MOVED = "moved"
    """Nomad's job is not as we left it: somebody else's change, a rollback, or our own run that died."""
    UNRECORDED = "unrecorded"
    """It runs, and we have no record of it."""
    REMOVED = "removed"
    """We registered it, it runs, and the model no longer has it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A job to look at. `spec` is None for a removed one, `stub` for a new one."""

    look: Look
    job_id: str
    spec: Spec | None = None
    stub: Stub | None = None
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`unchanged` maps job → JobModifyIndex."""

    unchanged: dict[str, int]
    candidates: tuple[Candidate, ...]


def compare(specs: Iterable[Spec], observed: Observed) -> Comparison:
    """Sort the wanted specs and the recorded jobs. Where the records could not be read, every running job is a
    candidate, and none counts as removed."""
    unchanged: dict[str, int] = {}
    candidates: list[Candidate] = []
    wanted: set[str] = set()
    for spec in specs:
        wanted.add(spec.job_id)
        stub, record = observed.stubs.get(spec.job_id), observed.record(spec.job_id)
        look = _look(spec, stub, record)
        if look is None and stub is not None:
            unchanged[spec.job_id] = stub.index
        elif look is not None:
            candidates.append(Candidate(look, spec.job_id, spec, stub, record))
    gone = [(job_id, record) for job_id, record in sorted((observed.records or {}).items()) if job_id not in wanted]
    for job_id, record in gone:
        stub = observed.stubs.get(job_id)
        if stub is not None and not stub.stopped:
            candidates.append(Candidate(Look.REMOVED, job_id, None, stub, record))
    return Comparison(unchanged, tuple(candidates))


def _look(spec: Spec, stub: Stub | None, record: Record | None) -> Look | None:
    if stub is None:
        return Look.NEW
    if stub.stopped:
        return Look.STOPPED
    if record is None:
        return Look.UNRECORDED
    if record.index != stub.index:
        return Look.MOVED
    return None if record.hash == spec.hash else Look.CHANGED
