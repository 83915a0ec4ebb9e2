"""What Nomad's server refuses in a job, as far as our specs can get it wrong (`Job.Validate` of Nomad 1.6.5)."""

from __future__ import annotations

from typing import Any

from pryv_nomad.simulator.durations import go_duration
from pryv_nomad.simulator.errors import Refusal

Json = dict[str, Any]

_OPERANDS = frozenset(
    {
        "=", "==", "is", "!=", "not", "<", "<=", ">", ">=", "regexp", "version", "semver", "set_contains",
        "set_contains_all", "set_contains_any", "is_set", "is_not_set", "distinct_hosts", "distinct_property",
    }
)  # fmt: skip


def check_job(job: Json) -> None:
    """Raise the refusal that Nomad answers with when a canonical job is not valid; all problems in one text."""
    problems = _job_problems(job)
    for group in job["TaskGroups"]:
        found = _group_problems(job, group)
        if found:
            problems.append(f"Task group {group['Name']} validation failed: {joined(found)}")
    if problems:
        raise Refusal(500, joined(problems))


def joined(problems: list[str]) -> str:
    """Several problems as one text: a count, then one bullet each."""
    noun = "error" if len(problems) == 1 else "errors"
    bullets = "".join(f"\t* {text}\n" for text in problems)
    return f"{len(problems)} {noun} occurred:\n{bullets}\n"


def _job_problems(job: Json) -> list[str]:
    problems = []
    if not job["ID"]:
        problems.append("Missing job ID")
    elif " " in job["ID"]:
        problems.append("Job ID contains a space")
    elif "\0" in job["ID"]:
        problems.append("Job ID contains a null character")
    if not job["Name"]:
        problems.append("Missing job name")
    if job["Type"] not in ("service", "batch", "system", "sysbatch"):
        problems.append(f'Invalid job type: "{job["Type"]}"')
    if not job["TaskGroups"]:
        problems.append("Missing job task groups")
    problems += _constraint_problems(job["Constraints"])
    seen: dict[str, int] = {}
    for number, group in enumerate(job["TaskGroups"], start=1):
        name = group["Name"]
        if not name:
            problems.append(f"Job task group {number} missing name")
        elif name in seen:
            problems.append(f"Job task group {number} redefines '{name}' from group {seen[name]}")
        seen.setdefault(name, number)
        if job["Type"] == "system" and group["Count"] > 1:
            problems.append(
                f"Job task group {name} has count {group['Count']}. Count cannot exceed 1 with system scheduler"
            )
    if job["Periodic"] is not None and job["Type"] not in ("batch", "sysbatch"):
        problems.append('Periodic can only be used with "batch" or "sysbatch" scheduler')
    return problems


def _constraint_problems(constraints: list[Json] | None) -> list[str]:
    return [
        f'Constraint {number} validation failed: Unknown constraint type "{item["Operand"]}"'
        for number, item in enumerate(constraints or [], start=1)
        if item["Operand"] not in _OPERANDS
    ]


def _group_problems(job: Json, group: Json) -> list[str]:
    problems = []
    if group["Count"] < 0:
        problems.append("Task group count can't be negative")
    if not group["Tasks"]:
        problems.append("Missing tasks for task group")
    problems += _constraint_problems(group["Constraints"])
    if group["Update"] is not None:
        if job["Type"] not in ("service", "system"):
            problems.append(f'Job type "{job["Type"]}" does not allow update block')
        update = update_problems(group["Update"])
        if update:
            problems.append(joined(update))
    names: dict[str, int] = {}
    for number, task in enumerate(group["Tasks"], start=1):
        name = task["Name"]
        if not name:
            problems.append(f"Task {number} missing name")
        elif name in names:
            problems.append(f"Task {number} redefines '{name}' from task {names[name]}")
        names.setdefault(name, number)
        if not task["Driver"]:
            problems.append(f"Task {name} validation failed: {joined(['Missing task driver'])}")
    problems += _port_problems(group)
    return problems


def update_problems(update: Json) -> list[str]:
    """What is wrong with an update block: timers out of order, auto_promote without canaries, negative numbers."""
    minimum, healthy, progress = update["MinHealthyTime"], update["HealthyDeadline"], update["ProgressDeadline"]
    problems = []
    if update["HealthCheck"] not in ("checks", "task_states", "manual"):
        problems.append(f'Invalid health check given: "{update["HealthCheck"]}"')
    if update["MaxParallel"] < 0:
        problems.append(f"Max parallel can not be less than zero: {update['MaxParallel']} < 0")
    if update["Canary"] < 0:
        problems.append(f"Canary count can not be less than zero: {update['Canary']} < 0")
    if update["Canary"] == 0 and update["AutoPromote"]:
        problems.append("Auto Promote requires a Canary count greater than zero")
    if healthy <= 0:
        problems.append(f"Healthy deadline must be greater than zero: {go_duration(healthy)}")
    if minimum >= healthy:
        problems.append(
            f"Minimum healthy time must be less than healthy deadline: {go_duration(minimum)} > {go_duration(healthy)}"
        )
    if progress and healthy >= progress:
        problems.append(
            f"Healthy deadline must be less than progress deadline: {go_duration(healthy)} > {go_duration(progress)}"
        )
    return problems


def _port_problems(group: Json) -> list[str]:
    problems = []
    labels: dict[str, str] = {}
    static: dict[tuple[str, int], str] = {}
    for network in group["Networks"] or []:
        for port in [*(network["ReservedPorts"] or []), *(network["DynamicPorts"] or [])]:
            label = port["Label"]
            if label in labels:
                problems.append(f'Port label "{label}" already in use by task group network:0')
            labels[label] = label
            value = port["Value"]
            if value and (port["HostNetwork"], value) in static:
                problems.append(f"Static port {value} already reserved by task group network:{label}")
            if value:
                static[port["HostNetwork"], value] = label
    if not problems:
        return []
    return [f"Task group network validation failed: {joined(problems)}"]
