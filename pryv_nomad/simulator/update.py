"""Whether a changed task group can be changed in place or must be replaced.

The rule of Nomad's scheduler (`tasksUpdated` in `scheduler/util.go`, 1.6.5): what a running task cannot take over
replaces the allocation. Counts, services, constraints, update, restart and reschedule policies, kill timeouts and log
sizes change in place; so does anything that is not named below.
"""

from __future__ import annotations

from typing import Any

from pryv_nomad.simulator.objects import Job

Json = dict[str, Any]

_GROUP_KEYS = ("EphemeralDisk", "Consul")
_TASK_KEYS = (
    "Driver", "User", "Config", "Env", "Artifacts", "Vault", "Templates", "CSIPluginConfig", "VolumeMounts", "Identity",
)  # fmt: skip
_RESOURCE_KEYS = ("CPU", "Cores", "MemoryMB", "MemoryMaxMB", "Devices")


def replaced(old: Job, new: Job, name: str) -> bool:
    """Whether group `name` (in both versions) must be replaced to get from `old` to `new`."""
    before, after = old.groups[name], new.groups[name]
    if before is after and old.spec is new.spec:
        return False
    return (
        _group_replaced(before, after)
        or _shared_replaced(old.spec, new.spec, before, after)
        or _tasks_replaced(old.spec, new.spec, before, after)
    )


def _group_replaced(before: Json, after: Json) -> bool:
    if len(before["Tasks"]) != len(after["Tasks"]):
        return True
    if any(before[key] != after[key] for key in _GROUP_KEYS) or (before["Volumes"] or {}) != (after["Volumes"] or {}):
        return True
    if before["RestartPolicy"]["RenderTemplates"] != after["RestartPolicy"]["RenderTemplates"]:
        return True
    return networks_replaced(before["Networks"], after["Networks"])


def _shared_replaced(old: Json, new: Json, before: Json, after: Json) -> bool:
    """Affinities and spreads of the job count with those of the group and its tasks; Connect is not modelled."""
    return _affinities(old, before) != _affinities(new, after) or _spreads(old, before) != _spreads(new, after)


def _affinities(job: Json, group: Json) -> list[Json]:
    found = [*(job["Affinities"] or []), *(group["Affinities"] or [])]
    for task in group["Tasks"]:
        found += task["Affinities"] or []
    return found


def _spreads(job: Json, group: Json) -> list[Json]:
    return [*(job["Spreads"] or []), *(group["Spreads"] or [])]


def _tasks_replaced(old: Json, new: Json, before: Json, after: Json) -> bool:
    new_tasks = {task["Name"]: task for task in after["Tasks"]}
    for task in before["Tasks"]:
        other = new_tasks.get(task["Name"])
        if other is None or _task_replaced(task, other):
            return True
        if _meta(old, before, task) != _meta(new, after, other):
            return True
    return False


def _task_replaced(task: Json, other: Json) -> bool:
    if any((task[key] or None) != (other[key] or None) for key in _TASK_KEYS):
        return True
    if any(task["Resources"][key] != other["Resources"][key] for key in _RESOURCE_KEYS):
        return True
    if networks_replaced(task["Resources"]["Networks"], other["Resources"]["Networks"]):
        return True
    if task["LogConfig"]["Disabled"] != other["LogConfig"]["Disabled"]:
        return True
    return bool(task["RestartPolicy"]["RenderTemplates"] != other["RestartPolicy"]["RenderTemplates"])


def _meta(job: Json, group: Json, task: Json) -> Json:
    """A task sees the meta of its job and its group too, so a changed one replaces it."""
    return {**(job["Meta"] or {}), **(group["Meta"] or {}), **(task["Meta"] or {})}


def networks_replaced(before: list[Json] | None, after: list[Json] | None) -> bool:
    """Whether two lists of network blocks differ in mode, DNS, hostname or ports."""
    old, new = before or [], after or []
    if len(old) != len(new):
        return True
    for one, other in zip(old, new, strict=True):
        if any(one.get(key) != other.get(key) for key in ("Mode", "MBits", "DNS", "Hostname")) or _ports(one) != _ports(
            other
        ):
            return True
    return False


def _ports(network: Json) -> dict[str, tuple[Any, ...]]:
    """Ports by label. A dynamic port has no number of its own yet, so only its mapping and network count."""
    ports = {}
    for key, fixed in (("ReservedPorts", True), ("DynamicPorts", False)):
        for port in network[key] or []:
            number = port["Value"] if fixed else -1
            ports[port["Label"]] = (number, port["To"], port["HostNetwork"])
    return ports
