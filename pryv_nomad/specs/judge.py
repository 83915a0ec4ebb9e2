"""What Nomad would refuse, or silently do otherwise, in a rendered job: seen here, offline, with the place named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pryv_nomad.errors import SpecError

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?")
LONGEST = 63
# What Nomad itself replaces: the node's facts, and the task's own environment.
_KNOWN = re.compile(r"\$\{(?:node\.|attr\.|meta\.|NOMAD_|[A-Z][A-Z0-9_]*\})")


def judge_name(name: str, what: str) -> None:
    """Raises SpecError for a name that Nomad or Consul would not take."""
    if len(name) > LONGEST:
        raise SpecError(
            f"{what}: {name} is {len(name)} characters long, {LONGEST} are allowed", "choose a shorter name"
        )
    if not _NAME.fullmatch(name):
        raise SpecError(f"{what}: {name!r} is not a name", "use letters, digits and inner hyphens")


def judge(job_text: str, template: str) -> None:
    """Raises SpecError with everything that is wrong in the job that `template` made."""
    job = json.loads(job_text)
    problems = [*_job(job)]
    if problems:
        raise SpecError("\n".join(f"{template}: {problem}" for problem in problems))


def _job(job: dict[str, Any]) -> Iterator[str]:
    yield from _names("job", [job])
    groups = job.get("TaskGroups") or []
    yield from _names("group", groups)
    if not groups:
        yield "the job has no group"
    for group in groups:
        for problem in _group(group):
            yield f"group {group['Name']}: {problem}"
    if len({_promotion(group) for group in groups if _canaries(group)}) > 1:
        yield "groups with canaries must all have the same auto_promote"


def _canaries(group: dict[str, Any]) -> int:
    return int((group.get("Update") or {}).get("Canary") or 0)


def _promotion(group: dict[str, Any]) -> bool:
    return bool((group.get("Update") or {}).get("AutoPromote"))


def _group(group: dict[str, Any]) -> Iterator[str]:
    tasks = group.get("Tasks") or []
    yield from _names("task", tasks)
    if not tasks:
        yield "it has no task"
    yield from _timers(group.get("Update") or {})
    if _promotion(group) and not _canaries(group):
        yield "auto_promote without canaries, which Nomad refuses"
    if group.get("Meta"):
        yield "meta on a group: a change of it replaces its allocations"
    for task in tasks:
        for problem in _task(task):
            yield f"task {task['Name']}: {problem}"


def _timers(update: dict[str, Any]) -> Iterator[str]:
    healthy, deadline = update.get("MinHealthyTime"), update.get("HealthyDeadline")
    progress = update.get("ProgressDeadline")
    if healthy and deadline and healthy >= deadline:
        yield "min_healthy_time must be below healthy_deadline"
    if deadline and progress and deadline >= progress:
        yield "healthy_deadline must be below progress_deadline"


def _task(task: dict[str, Any]) -> Iterator[str]:
    for name, value in sorted((task.get("Env") or {}).items()):
        if _foreign(value):
            yield f"env {name}: Nomad would replace the ${{ in it"
    if _foreign((task.get("Config") or {}).get("image", "")):
        yield "image: Nomad would replace the ${ in it"
    for template in task.get("Templates") or []:
        destination = template.get("DestPath") or ""
        if ".." in destination.split("/") or destination.startswith("/"):
            yield f"template {destination}: outside the task's folder"


def _foreign(value: Any) -> bool:
    return isinstance(value, str) and "${" in _KNOWN.sub("", value)


def _names(what: str, things: list[dict[str, Any]]) -> Iterator[str]:
    seen: set[str] = set()
    for thing in things:
        name = thing.get("Name") or thing.get("ID") or ""
        if len(name) > LONGEST:
            yield f"{what} {name}: {len(name)} characters, {LONGEST} are allowed"
        if not _NAME.fullmatch(name):
            yield f"{what} {name!r}: not a name"
        if name in seen:
            yield f"{what} {name}: twice"
        seen.add(name)
