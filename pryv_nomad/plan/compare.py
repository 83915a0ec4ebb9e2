"""Which jobs need a closer look: a comparison of hashes and indexes, without asking Nomad about a single job."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
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


def selected(comparison: Comparison, only: Callable[[str, str], bool]) -> Comparison:
    """The part of a comparison whose jobs `only` takes, by job id and owner."""
    return Comparison(
        {job_id: index for job_id, index in comparison.unchanged.items() if only(job_id, "")},
        tuple(each for each in comparison.candidates if only(each.job_id, _owner(each))),
    )


def _owner(candidate: Candidate) -> str:
    if candidate.spec is not None:
        return candidate.spec.owner
    return candidate.record.owner if candidate.record else ""


# -- a release that migrates data --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Passing:
    """A spec that is registered in another form for one change (`json_text`), and recorded as what it will be then on
    (`hash`): so the next plan finds the job unchanged."""

    job_id: str
    owner: str
    kind: str
    hash: str
    json_text: str


def migrated(
    candidates: Iterable[Candidate], release: str, migrating: Callable[[], Iterable[Spec]]
) -> tuple[Candidate, ...]:
    """The candidates, where a core that was recorded with another release takes its spec out of `migrating`."""
    candidates = tuple(candidates)
    concerned = {each.job_id for each in candidates if each.spec is not None and _comes_from_another(each, release)}
    if not concerned:
        return candidates
    texts = {spec.job_id: spec.json_text for spec in migrating() if spec.job_id in concerned}
    return tuple(
        replace(each, spec=Passing(each.job_id, each.spec.owner, each.spec.kind, each.spec.hash, texts[each.job_id]))
        if each.spec is not None and each.job_id in texts
        else each
        for each in candidates
    )


def _comes_from_another(candidate: Candidate, release: str) -> bool:
    record = candidate.record
    return candidate.look is not Look.NEW and record is not None and record.release not in ("", release)
