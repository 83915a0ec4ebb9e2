"""Rollouts, as a person reads them, and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click

from pryv_nomad.cli.output.text import plain
from pryv_nomad.plan.values import counted
from pryv_nomad.rollout.events import Event, Tell
from pryv_nomad.rollout.head import Entry, Head
from pryv_nomad.rollout.lock import Card
from pryv_nomad.rollout.record import Rollouts
from pryv_nomad.rollout.revisions import Revision
from pryv_nomad.rollout.state import Phase, Status

COLORS = {Status.DONE: "green", Status.FAILED: "red", Status.ABORTED: "red", Status.PAUSED: "yellow"}
SHOWN = 10
WAIT_S = 10.0


def lines(head: Head, entries: Sequence[Entry], holder: Card | None) -> Iterator[str]:
    """A rollout's state."""
    status = click.style(head.status.value, fg=COLORS.get(head.status), bold=True)
    yield f"rollout {head.id} ({head.kind}, {head.strategy}): {status}"
    came = f" from {', '.join(head.release_from)}" if head.release_from else ""
    yield f"  release {head.release}{came}; begun by {plain(head.who)} at {head.started}, last news {head.updated}"
    if head.status.open:
        yield f"  driven by {plain(holder.text)}" if holder else "  nobody drives it: `pryv-nomad rollout resume`"
    yield f"  {plain(head.sentence)}"
    if head.halted:
        yield f"  halted: {plain(head.halted)}"
    for number, phases in sorted(_waves(entries).items()):
        told = ", ".join(f"{count} {phase.value}" for phase, count in sorted(phases.items()))
        yield f"  wave {number} of {head.waves}: {told}"
    for reading in head.readings:
        yield f"  {reading.point}: gate {reading.name}: {reading.verdict.value}: {plain(reading.reason)}"
    for point in head.awaits:
        yield f"  waits for a person at {point}: `pryv-nomad rollout promote`"
    steps = [entry.step for entry in entries if entry.step.phase in (Phase.MOVING, Phase.FAILED)]
    for step in steps[:SHOWN]:
        yield f"  {step.job_id}: {step.phase.value}: {plain(step.progress)}"
    if len(steps) > SHOWN:
        yield f"  … and {len(steps) - SHOWN} more"


def _waves(entries: Iterable[Entry]) -> dict[int, Counter[Phase]]:
    """Wave → cores by the phase of the job that is least far."""
    cores: dict[tuple[int, str], set[Phase]] = {}
    for entry in entries:
        if entry.step.wave:
            cores.setdefault((entry.step.wave, entry.step.change.core), set()).add(entry.step.phase)
    found: dict[int, Counter[Phase]] = {}
    for (wave, _), phases in cores.items():
        worst = next(
            (phase for phase in (Phase.FAILED, Phase.MOVING) if phase in phases),
            Phase.DONE if phases == {Phase.DONE} else Phase.WAITING if phases == {Phase.WAITING} else Phase.MOVING,
        )
        found.setdefault(wave, Counter())[worst] += 1
    return found


def as_document(head: Head, entries: Sequence[Entry], holder: Card | None) -> dict[str, Any]:
    """The state as `pryv-nomad/rollout`, version 1."""
    jobs = [
        {
            "job": entry.step.job_id,
            "core": entry.step.change.core,
            "wave": entry.step.wave,
            "phase": entry.step.phase.value,
            "progress": entry.step.progress,
        }
        for entry in sorted(entries, key=lambda entry: entry.place)
    ]
    return {"format": "pryv-nomad/rollout", "version": 1, **_head(head), "holder": _card(holder), "steps": jobs}


def _head(head: Head) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(head.to_text())
    del found["version"]
    return found


def _card(holder: Card | None) -> dict[str, str] | None:
    return asdict(holder) if holder else None


def history_lines(heads: Iterable[Head], revisions: Iterable[Revision]) -> Iterator[str]:
    """The rollouts, newest first, and the revisions."""
    for head in heads:
        status = click.style(f"{head.status.value:10}", fg=COLORS.get(head.status))
        made = f"  → revision {head.revision_to}" if head.revision_to else ""
        yield (
            f"rollout {head.id:>4}  {head.started}  {status}  {head.kind:4}  {head.release:8}"
            f"  {head.done} of {counted(head.jobs, 'job')}  {plain(head.who)}{made}"
        )
    for revision in reversed(list(revisions)):
        yield (
            f"revision {revision.number:>3}  {revision.time}  release {revision.release}"
            f"  by rollout {revision.rollout}, {plain(revision.who)}"
        )


def history_document(heads: Iterable[Head], revisions: Iterable[Revision]) -> dict[str, Any]:
    """The history as `pryv-nomad/rollouts`, version 1."""
    kept = [
        {"revision": each.number, "release": each.release, "time": each.time, "who": each.who, "rollout": each.rollout}
        for each in revisions
    ]
    return {
        "format": "pryv-nomad/rollouts",
        "version": 1,
        "rollouts": [_head(head) for head in heads],
        "revisions": kept,
    }


def follow(rollouts: Rollouts, rollout: str, tell: Tell) -> Head:
    """Tell the events of a rollout as they are saved, until it is at its end."""
    index, told = 0, -1
    while True:
        answer = rollouts.consul.get(f"/v1/kv/{rollouts.key(rollout, 'head')}", index=index, wait_s=WAIT_S)
        index = answer.index
        head = rollouts.head(rollout)
        for number, event in rollouts.events(rollout, told):
            told = number
            tell(Event(event["kind"], event["text"], event["job"], tuple(event["detail"])))
        tell(Event("waiting", head.sentence))
        if not head.status.open:
            return head
