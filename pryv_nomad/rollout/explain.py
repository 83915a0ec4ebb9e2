"""Why a job did not become healthy, told from its allocations: pure, over Nomad's JSON and the end of a log.

Shapes: Nomad `api/allocations.go` AllocationListStub, `api/tasks.go` TaskState and TaskEvent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SHOWN_EVENTS = 5
LOG_LINES = 10
SHOWN_ALLOCATIONS = 3
# What any task goes through, and what tells nothing about a failure.
ORDINARY = frozenset({"Received", "Task Setup", "Building Task Directory", "Started", "Downloading Artifacts"})


@dataclass(frozen=True, slots=True)
class Culprit:
    """A task to look at: `events` are its last words, newest last; `failed` is whether it ended or restarted."""

    allocation: str
    node: str
    group: str
    task: str
    failed: bool
    events: tuple[str, ...]


def culprits(allocations: Iterable[Mapping[str, Any]], version: int | None = None) -> tuple[Culprit, ...]:
    """The tasks that failed, of the newest allocations first; where none did, those of allocations that are not
    healthy. `version` keeps to one version of the job."""
    chosen = [each for each in allocations if version is None or each.get("JobVersion") == version]
    chosen.sort(key=lambda each: -int(each.get("CreateIndex") or 0))
    found = [culprit for allocation in chosen for culprit in _tasks(allocation)]
    failed = [culprit for culprit in found if culprit.failed]
    return tuple((failed or found)[:SHOWN_ALLOCATIONS])


def _tasks(allocation: Mapping[str, Any]) -> Iterator[Culprit]:
    states = allocation.get("TaskStates") or {}
    healthy = (allocation.get("DeploymentStatus") or {}).get("Healthy")
    for task, state in sorted(states.items()):
        failed = bool(state.get("Failed") or state.get("Restarts"))
        if failed or not healthy:
            yield Culprit(
                allocation=allocation["ID"],
                node=allocation.get("NodeName") or "",
                group=allocation.get("TaskGroup") or "",
                task=task,
                failed=failed,
                events=_events(state),
            )


def _events(state: Mapping[str, Any]) -> tuple[str, ...]:
    events = [event for event in state.get("Events") or () if event.get("Type") not in ORDINARY]
    return tuple(_event(event) for event in events[-SHOWN_EVENTS:])


def _event(event: Mapping[str, Any]) -> str:
    text = event.get("DisplayMessage") or event.get("Message") or ""
    return f"{event.get('Type')}: {text}" if text else str(event.get("Type"))


def failing_checks(checks: Iterable[Mapping[str, Any]], allocation: str) -> tuple[str, ...]:
    """What Consul's checks of an allocation say: Nomad puts its id into the service's."""
    return tuple(
        f"check {check.get('Name')}: {(check.get('Output') or check.get('Status') or '').strip()}"
        for check in checks
        if allocation in (check.get("ServiceID") or "")
    )


def lines(culprit: Culprit, log: Iterable[str], stream: str, checks: Iterable[str] = ()) -> tuple[str, ...]:
    """What to print about a task."""
    where = f" on {culprit.node}" if culprit.node else ""
    text = [f"{culprit.group}/{culprit.task} (allocation {culprit.allocation[:8]}{where})"]
    text += [f"  {event}" for event in culprit.events]
    text += [f"  {check}" for check in checks]
    tail = list(log)
    if tail:
        text += [f"  last lines of {stream}:", *(f"    {line}" for line in tail)]
    return tuple(text)
