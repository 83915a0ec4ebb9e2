"""What the jobs of one owner need of a machine, read from their specs: so an own template is checked as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Constraint = tuple[str, str, str]
"""(attribute, operator, value), as in Nomad's LTarget, Operand, RTarget."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Jobs that must share a machine: those of one owner with the same datacenters and constraints.

    `cpu` is MHz and `memory` MB, for all allocations together; `mounts` is whether a docker task mounts a path
    of the machine, which docker's `volumes.enabled` must allow.
    """

    owner: str
    datacenters: tuple[str, ...]
    constraints: tuple[Constraint, ...]
    jobs: tuple[str, ...] = ()
    volumes: frozenset[str] = frozenset()
    networks: frozenset[str] = frozenset()
    drivers: frozenset[str] = frozenset()
    mounts: bool = False
    cpu: int = 0
    memory: int = 0


@dataclass
class _Sum:
    attributes: set[Constraint] = field(default_factory=set)
    jobs: list[str] = field(default_factory=list)
    volumes: set[str] = field(default_factory=set)
    networks: set[str] = field(default_factory=set)
    drivers: set[str] = field(default_factory=set)
    mounts: bool = False
    cpu: int = 0
    memory: int = 0


def needs_of(jobs: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[Needs, ...]:
    """The needs of `(owner, job JSON)` pairs, in their order."""
    sums: dict[tuple[str, tuple[str, ...], tuple[Constraint, ...]], _Sum] = {}
    for owner, job in jobs:
        own = tuple(_constraints(job))
        for group in job.get("TaskGroups") or ():
            constraints = {*own, *_constraints(group), *_of_tasks(group)}
            # Which machine it must be; what any machine has to have (an attribute) is added up.
            which = tuple(sorted(each for each in constraints if not each[0].startswith("${attr.")))
            key = (owner, tuple(job.get("Datacenters") or ("*",)), which)
            total = sums.setdefault(key, _Sum())
            total.attributes |= constraints - set(which)
            _add(total, job["ID"], group)
    return tuple(
        Needs(
            owner,
            datacenters,
            tuple(sorted({*which, *each.attributes})),
            jobs=tuple(dict.fromkeys(each.jobs)),
            volumes=frozenset(each.volumes),
            networks=frozenset(each.networks),
            drivers=frozenset(each.drivers),
            mounts=each.mounts,
            cpu=each.cpu,
            memory=each.memory,
        )
        for (owner, datacenters, which), each in sums.items()
    )


def _add(total: _Sum, job_id: str, group: Mapping[str, Any]) -> None:
    total.jobs.append(job_id)
    for volume in (group.get("Volumes") or {}).values():
        if volume.get("Type") == "host":
            total.volumes.add(volume["Source"])
    for network in group.get("Networks") or ():
        ports = [*(network.get("ReservedPorts") or ()), *(network.get("DynamicPorts") or ())]
        total.networks |= {
            port["HostNetwork"] for port in ports if port.get("HostNetwork") not in (None, "", "default")
        }
    count = 1 if group.get("Count") is None else int(group["Count"])
    for task in group.get("Tasks") or ():
        resources = task.get("Resources") or {}
        total.drivers.add(task["Driver"])
        total.mounts |= task["Driver"] == "docker" and any(_host_mounts(task.get("Config") or {}))
        total.cpu += count * int(resources.get("CPU") or 0)
        total.memory += count * int(resources.get("MemoryMB") or 0)


def _host_mounts(config: Mapping[str, Any]) -> Iterator[str]:
    """Absolute paths that a docker task mounts; relative ones lie in the task's own folder and are always allowed."""
    for volume in config.get("volumes") or ():
        if str(volume).startswith("/"):
            yield str(volume)
    mounts = [*(config.get("mounts") or ()), *(config.get("mount") or ())]
    for mount in mounts:
        if mount.get("type") == "bind" and str(mount.get("source", "")).startswith("/"):
            yield str(mount["source"])


def _constraints(level: Mapping[str, Any]) -> Iterator[Constraint]:
    for each in level.get("Constraints") or ():
        yield each.get("LTarget") or "", each.get("Operand") or "=", each.get("RTarget") or ""


def _of_tasks(group: Mapping[str, Any]) -> Iterator[Constraint]:
    for task in group.get("Tasks") or ():
        yield from _constraints(task)
