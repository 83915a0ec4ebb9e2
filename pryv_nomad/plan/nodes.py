"""Which machines could run what the jobs need, and what each lacks: pure, over Nomad's own JSON of its nodes.

A node is one answer of `GET /v1/node/ID` (Attributes, Meta, HostVolumes, HostNetworks, Drivers, NodeResources).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pryv_nomad.plan.needs import Constraint, Needs

Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that a machine lacks: a `driver`, the docker driver's `mounts`, a `volume`, a `network`, or what no
    line of configuration gives (`place`, `size`, `access`)."""

    kind: str
    name: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Lack:
    """What keeps the jobs of `needs` from running. `node` is the machine that comes closest, empty where none has the
    constraints; `meta` is what its client configuration must say besides."""

    needs: Needs
    node: str
    problems: tuple[Problem, ...]
    meta: tuple[tuple[str, str], ...] = ()


def lacking(needs: Iterable[Needs], nodes: Iterable[Node]) -> tuple[Lack, ...]:
    """One `Lack` for each need that no ready node meets."""
    ready = [
        node for node in nodes if node.get("Status") == "ready" and node.get("SchedulingEligibility") == "eligible"
    ]
    found = (_lack(need, ready) for need in needs)
    return tuple(lack for lack in found if lack is not None)


def _lack(need: Needs, ready: list[Node]) -> Lack | None:
    near = [node for node in ready if in_datacenters(node, need.datacenters)]
    if not near:
        return Lack(need, "", (Problem("place", "", f"no ready node in {_either(need.datacenters)}"),))
    fit = [node for node in near if all(meets(node, constraint) for constraint in need.constraints)]
    if not fit:
        return _without_constraints(need, near)
    best = min(fit, key=lambda node: (len(_problems(need, node)), node["Name"]))
    problems = _problems(need, best)
    return Lack(need, best["Name"], tuple(problems)) if problems else None


def _without_constraints(need: Needs, near: list[Node]) -> Lack:
    failed = [each for each in need.constraints if not any(meets(node, each) for node in near)]
    words = [f"no node in {_either(need.datacenters)} has {_constraint_text(each)}" for each in failed]
    words = words or ["no node meets all of its constraints at once"]
    meta = tuple(
        (attribute[len("${meta.") : -1], value)
        for attribute, operator, value in failed
        if attribute.startswith("${meta.") and operator in ("=", "==", "is")
    )
    return Lack(need, "", tuple(Problem("place", "", text) for text in words), meta)


def _problems(need: Needs, node: Node) -> list[Problem]:
    volumes, networks = node.get("HostVolumes") or {}, node.get("HostNetworks") or {}
    problems = [
        Problem("driver", name, f"lacks the driver {name!r}")
        for name in sorted(need.drivers)
        if not _driver(node, name)
    ]
    if need.mounts and _driver(node, "docker") and not _mounts_allowed(node):
        problems.append(Problem("mounts", "docker", "its docker driver does not allow mounts (volumes.enabled)"))
    for name in sorted(need.volumes):
        if name not in volumes:
            problems.append(Problem("volume", name, f"lacks the host volume {name!r}"))
        elif volumes[name].get("ReadOnly"):
            problems.append(Problem("access", name, f"the host volume {name!r} is read-only"))
    missing = sorted(need.networks - set(networks))
    problems += [Problem("network", name, f"lacks the host network {name!r}") for name in missing]
    cpu, memory = capacity(node)
    if need.cpu > cpu:
        problems.append(Problem("size", "cpu", f"has {cpu} MHz, {need.cpu} MHz are needed"))
    if need.memory > memory:
        problems.append(Problem("size", "memory", f"has {memory} MB of memory, {need.memory} MB are needed"))
    return problems


def capacity(node: Node) -> tuple[int, int]:
    """MHz and MB that jobs may use."""
    total, reserved = node.get("NodeResources") or {}, node.get("ReservedResources") or {}

    def of(side: Mapping[str, Any], kind: str, key: str) -> int:
        return int((side.get(kind) or {}).get(key) or 0)

    return (
        of(total, "Cpu", "CpuShares") - of(reserved, "Cpu", "CpuShares"),
        of(total, "Memory", "MemoryMB") - of(reserved, "Memory", "MemoryMB"),
    )


def _driver(node: Node, name: str) -> bool:
    driver = (node.get("Drivers") or {}).get(name) or {}
    return bool(driver.get("Detected") and driver.get("Healthy"))


def _mounts_allowed(node: Node) -> bool:
    attributes = {**(node.get("Attributes") or {}), **((node["Drivers"]["docker"].get("Attributes")) or {})}
    return attributes.get("driver.docker.volumes.enabled") in ("1", "true")


# -- constraints -------------------------------------------------------------------------------------------------

OPERATORS: dict[str, Callable[[str | None, str], bool]] = {
    "=": lambda found, value: found == value,
    "!=": lambda found, value: found != value,
    "regexp": lambda found, value: found is not None and re.search(value, found) is not None,
    "is_set": lambda found, _: found is not None,
    "is_not_set": lambda found, _: found is None,
    "set_contains": lambda found, value: _set(value) <= _set(found or ""),
    "set_contains_all": lambda found, value: _set(value) <= _set(found or ""),
    "set_contains_any": lambda found, value: bool(_set(value) & _set(found or "")),
}
SAME = {"==": "=", "is": "=", "not": "!=", "": "="}


def _set(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def meets(node: Node, constraint: Constraint) -> bool:
    """Whether a node meets a constraint. What only the scheduler can judge (versions, distinct hosts) counts as met."""
    attribute, operator, value = constraint
    test = OPERATORS.get(SAME.get(operator, operator))
    return test is None or test(attribute_of(node, attribute), value)


def attribute_of(node: Node, target: str) -> str | None:
    """The value of `${meta.x}`, `${attr.x}`, `${node.class}` … on a node; other text stands for itself."""
    if not (target.startswith("${") and target.endswith("}")):
        return target
    name = target[2:-1]
    own = {
        "node.unique.id": "ID",
        "node.unique.name": "Name",
        "node.datacenter": "Datacenter",
        "node.class": "NodeClass",
        "node.pool": "NodePool",
    }
    if name in own:
        found = node.get(own[name])
    else:
        kind, _, key = name.partition(".")
        found = (node.get({"meta": "Meta", "attr": "Attributes"}.get(kind, "")) or {}).get(key)
    return None if found is None else str(found)


def in_datacenters(node: Node, datacenters: Iterable[str]) -> bool:
    """Whether a node lies in one of the datacenters; `*` stands for any text, as in Nomad."""
    own = node.get("Datacenter") or ""
    return any(re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), own) for pattern in datacenters)


def _either(names: Iterable[str]) -> str:
    return "datacenter " + " or ".join(names)


def _constraint_text(constraint: Constraint) -> str:
    attribute, operator, value = constraint
    return " ".join(part for part in (attribute.removeprefix("${").removesuffix("}"), operator, value) if part)
