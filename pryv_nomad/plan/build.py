"""From a comparison and Nomad's answers to the plan: each job's action, their order, and what to warn of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pryv_nomad import __version__
from pryv_nomad.plan.answers import Answer, Effect, without_old_values
from pryv_nomad.plan.change import Action, Change, Plan
from pryv_nomad.plan.compare import Candidate, Comparison, Look
from pryv_nomad.plan.history import History
from pryv_nomad.plan.intent import Intent
from pryv_nomad.plan.observed import Observed
from pryv_nomad.plan.order import Position, position
from pryv_nomad.plan.values import counted

STATEFUL_KINDS = frozenset({"data", "redis", "redis-replica"})
NO_RECORDS = (
    "Consul could not be read, so every job was compared by Nomad; whether somebody else changed one, and which jobs"
    " left the model, is not known"
)
GONE = "it ran before and is gone from Nomad: purged, or Nomad was emptied"
LOST_RECORDS = "Consul holds no record of this platform, so every job was compared by Nomad"


@dataclass(frozen=True, slots=True)
class Answers:
    """What was asked of Nomad about the candidates: its plan of each, and the history of those that moved."""

    plans: Mapping[str, Answer] = field(default_factory=dict)
    histories: Mapping[str, History] = field(default_factory=dict)


def needs_history(candidate: Candidate) -> bool:
    """Whether only the job's versions and deployments tell who changed it."""
    return candidate.look in (Look.MOVED, Look.REMOVED) and _differ(candidate)


def build(intent: Intent, observed: Observed, comparison: Comparison, answers: Answers) -> Plan:
    """The plan. Every candidate but the removed must have its answer."""
    recorded = bool(observed.records)
    hostings = intent.hostings
    changes = [_change(candidate, answers, recorded, hostings) for candidate in comparison.candidates]
    ordered = in_order(changes, intent)
    return Plan(
        intent=intent,
        tool=__version__,
        changes=ordered,
        unchanged=dict(sorted(comparison.unchanged.items())),
        release_from=tuple(sorted({each.release for each in (observed.records or {}).values() if each.release})),
        records_known=observed.records is not None,
        warnings=tuple(_warnings(ordered, intent, observed)),
        notes=tuple(_notes(observed, comparison)),
    )


def in_order(changes: Iterable[Change], intent: Intent) -> tuple[Change, ...]:
    """The changes in the order in which they are carried out."""
    ranks = intent.ranks
    return tuple(sorted(changes, key=lambda change: _place(change, ranks)))


def _place(change: Change, ranks: Mapping[str, int]) -> Position:
    stops = change.action is Action.STOP
    rank = ranks.get(change.core, len(ranks)) if change.core else None
    return position(change.job_id, change.owner, change.kind, rank, stops)


# -- one job -----------------------------------------------------------------------------------------------------


def _change(candidate: Candidate, answers: Answers, recorded: bool, hostings: Mapping[str, str]) -> Change:
    spec, stub, record = candidate.spec, candidate.stub, candidate.record
    owner = spec.owner if spec else record.owner if record else ""
    kind = spec.kind if spec else record.kind if record else ""
    # A core may be called `static` or `registry`; only the job's id tells its jobs from those of that role.
    of_core = candidate.job_id == f"pryv-{kind}-{owner}"
    hosting = (hostings.get(owner) or (record.hosting if record else "")) if of_core else ""
    change = Change(
        job_id=candidate.job_id,
        owner=owner,
        kind=kind,
        action=Action.UPDATE,
        index=stub.index if stub else 0,
        hash=spec.hash if spec else "",
        core=owner if hosting else "",
        hosting=hosting,
        record=(record.hash, record.index) if record else None,
        spec=spec.json_text if spec else "",
    )
    if spec is None:
        return replace(change, action=Action.STOP, drift=_moved(candidate, answers.histories)[0])
    answer = answers.plans[candidate.job_id]
    notes = (answer.warnings,) if answer.warnings else ()
    change = replace(change, groups=answer.groups, fields=answer.fields, notes=notes)
    return _judged(change, candidate, answer, answers.histories, recorded)


def _judged(
    change: Change, candidate: Candidate, answer: Answer, histories: Mapping[str, History], recorded: bool
) -> Change:
    if candidate.look is Look.NEW:
        was_there = candidate.record is not None and candidate.record.index > 0
        return replace(change, action=Action.CREATE, notes=change.notes + ((GONE,) if was_there else ()))
    if candidate.look is Look.STOPPED:
        return replace(change, action=Action.START, drift="stopped by somebody else" if _differ(candidate) else "")
    if not answer.differs:
        return replace(change, action=Action.ADOPT)
    if candidate.look is Look.CHANGED:
        return change
    drift, note = _moved(candidate, histories)
    if candidate.look is Look.UNRECORDED and recorded:
        drift = "runs, but was not started by pryv-nomad"
    fields = without_old_values(change.fields) if drift or candidate.record is None else change.fields
    return replace(change, drift=drift, fields=fields, notes=change.notes + ((note,) if note else ()))


def _differ(candidate: Candidate) -> bool:
    """Whether Nomad's job is another one than in our record of it."""
    record, stub = candidate.record, candidate.stub
    return record is not None and stub is not None and record.index != stub.index


def _moved(candidate: Candidate, histories: Mapping[str, History]) -> tuple[str, str]:
    """(drift, note) of a job whose index is not the one in our record; both empty when it did not move."""
    record, stub = candidate.record, candidate.stub
    if record is None or stub is None or record.index == stub.index:
        return "", ""
    history = histories[candidate.job_id]
    rolled_back = history.rolled_back(record)
    if rolled_back:
        return "", f"our last run of it failed and Nomad rolled it back ({rolled_back})"
    if history.ours(record):
        return "", "a run of ours ended between registering it and recording that"
    return f"changed by somebody else (JobModifyIndex {stub.index}, ours was {record.index})", ""


# -- what to say of the whole ------------------------------------------------------------------------------------


def _warnings(changes: Iterable[Change], intent: Intent, observed: Observed) -> Iterable[str]:
    changes = tuple(changes)
    for change in changes:
        if change.kind in STATEFUL_KINDS and Effect.REPLACE in change.effects:
            names = ", ".join(group.name for group in change.groups if group.effect is Effect.REPLACE)
            yield f"{change.job_id}: {names} keeps data and is replaced; what depends on it stands still meanwhile"
    before = {each.release for each in (observed.records or {}).values() if each.release} - {intent.release}
    cores = [each for each in changes if each.kind == "core" and each.action is Action.UPDATE]
    if intent.migrates and before and cores:
        yield (
            f"release {intent.release} migrates data when it first starts ({counted(len(cores), 'core')} here):"
            " going back needs a restored backup, the old image alone will not do"
        )
    edges = [each for each in changes if "edge" in each.kind and Effect.REPLACE in each.effects]
    if edges:
        yield f"{counted(len(edges), 'edge')} replaced: each is one restart of nginx, seconds without service"


def _notes(observed: Observed, comparison: Comparison) -> Iterable[str]:
    if observed.records is None:
        yield NO_RECORDS
    elif not observed.records and any(each.look is Look.UNRECORDED for each in comparison.candidates):
        yield LOST_RECORDS
