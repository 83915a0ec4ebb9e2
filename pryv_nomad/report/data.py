"""From the record of a rollout to what the report shows: plain data, version 1.

    {"version": 1, "platform", "rollout", "kind", "status", "release", "release_from": […], "strategy", "who",
     "started", "updated", "halted", "duration_s",
     "waves": [{"number": 1, "end_s": 35.0 or null, "cores": 1}],
     "cores": [{"name", "hosting", "wave", "outcome": "done" | "failed" | "open" | "waiting", "begin_s", "end_s"}],
     "gates": [{"name", "readings": [{"at_s", "point", "verdict", "value" or null, "reason"}]}],
     "events": [{"at_s", "time", "kind", "job", "text", "detail": […]}]}

Seconds count on the rollout's own clock: the time for which it was driven.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pryv_nomad.rollout.head import Entry, Head
from pryv_nomad.rollout.state import Phase

if TYPE_CHECKING:
    from pryv_nomad.rollout.record import Rollouts

Json = dict[str, Any]
VERSION = 1
_GATE = re.compile(
    r"(?P<point>wave \d+|promote \S+): gate (?P<name>.*?): (?P<verdict>pass|wait|fail): (?P<reason>.*)", re.DOTALL
)
_VALUE = re.compile(r"value (?P<value>[-+.0-9a-z]+)")
_WAVE = re.compile(r"wave (?P<number>\d+) of \d+: ")
BEGUN, ENDED = ("registered", "adopted", "stopping"), ("healthy", "stopped", "failed", "adopted")


def report_of(rollouts: Rollouts, rollout: str = "") -> str:
    """The report of a recorded rollout (the last one unless another is named), as HTML. Raises NotFound."""
    from pryv_nomad.report.page import render

    head = rollouts.head(rollout)
    events = [event for _, event in rollouts.events(head.id)]
    return render(data_of(rollouts.domain, head, rollouts.entries(head.id), events))


def data_of(platform: str, head: Head, entries: Iterable[Entry], events: Sequence[Mapping[str, Any]]) -> Json:
    """The data of a report. `events` are the record's, in order: time, clock, kind, text, job, detail."""
    shown = [
        {
            "at_s": float(event["clock"]),
            "time": event["time"],
            "kind": event["kind"],
            "job": event["job"],
            "text": event["text"],
            "detail": list(event["detail"]),
        }
        for event in events
    ]
    entries = sorted(entries, key=lambda entry: entry.place)
    return {
        "version": VERSION,
        "platform": platform,
        "rollout": head.id,
        "kind": head.kind,
        "status": head.status.value,
        "release": head.release,
        "release_from": list(head.release_from),
        "strategy": head.strategy,
        "who": head.who,
        "started": head.started,
        "updated": head.updated,
        "halted": head.halted,
        "duration_s": head.clock,
        "waves": _waves(entries, shown),
        "cores": _cores(entries, shown),
        "gates": _gates(shown),
        "events": shown,
    }


def _waves(entries: Iterable[Entry], events: Iterable[Json]) -> list[Json]:
    cores: dict[int, set[str]] = {}
    for entry in entries:
        if entry.step.wave:
            cores.setdefault(entry.step.wave, set()).add(entry.step.change.core)
    ends = {
        int(found["number"]): event["at_s"]
        for event in events
        if event["kind"] == "wave" and (found := _WAVE.match(event["text"]))
    }
    return [{"number": n, "end_s": ends.get(n), "cores": len(names)} for n, names in sorted(cores.items())]


def _cores(entries: Iterable[Entry], events: Iterable[Json]) -> list[Json]:
    begun: dict[str, float] = {}
    ended: dict[str, float] = {}
    for event in events:
        if event["kind"] in BEGUN:
            begun.setdefault(event["job"], event["at_s"])
        if event["kind"] in ENDED:
            ended[event["job"]] = event["at_s"]
    steps: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.step.change.core:
            steps.setdefault(entry.step.change.core, []).append(entry)
    return [_core(name, found, begun, ended) for name, found in steps.items()]


def _core(name: str, entries: list[Entry], begun: Mapping[str, float], ended: Mapping[str, float]) -> Json:
    phases = {entry.step.phase for entry in entries}
    outcome = "failed" if Phase.FAILED in phases else "done" if phases == {Phase.DONE} else "open"
    outcome = "waiting" if phases == {Phase.WAITING} else outcome
    jobs = [entry.step.job_id for entry in entries]
    return {
        "name": name,
        "hosting": entries[0].step.change.hosting,
        "wave": entries[0].step.wave,
        "outcome": outcome,
        "begin_s": min((begun[job] for job in jobs if job in begun), default=None),
        "end_s": max((ended[job] for job in jobs if job in ended), default=None) if outcome != "open" else None,
    }


def _gates(events: Iterable[Json]) -> list[Json]:
    gates: dict[str, list[Json]] = {}
    for event in events:
        found = _GATE.fullmatch(event["text"]) if event["kind"] == "gate" else None
        if found is None:
            continue
        value = next((m["value"] for line in event["detail"] if (m := _VALUE.fullmatch(line))), None)
        reading = {"at_s": event["at_s"], "point": found["point"], "verdict": found["verdict"]}
        gates.setdefault(found["name"], []).append({**reading, "value": _number(value), "reason": found["reason"]})
    return [{"name": name, "readings": readings} for name, readings in gates.items()]


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
