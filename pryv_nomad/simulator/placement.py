"""Where an allocation goes: feasible nodes, then those with room, then the best of them.

A node must be ready, in the job's datacenters and pool, meet the constraints, have the drivers, host volumes and host
networks, and room for CPU, memory, disk and ports. Of these, one without an allocation of the same group wins, then the
fullest (bin packing), then the oldest. A failed placement explains itself in Nomad's metrics. Names of filters and
dimensions: `scheduler/feasible.go` and `scheduler/rank.go` of Nomad 1.6.5.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from pryv_nomad.simulator.constraints import DISTINCT, label, meets, resolve
from pryv_nomad.simulator.nodes import MAX_DYNAMIC_PORT, MIN_DYNAMIC_PORT, Node
from pryv_nomad.simulator.objects import Alloc, Job
from pryv_nomad.simulator.usage import group_need

Json = dict[str, Any]


@dataclass(slots=True)
class Metrics:
    """What a placement saw; becomes Nomad's AllocMetric."""

    available: dict[str, int] = field(default_factory=dict)
    in_pool: int = 0
    evaluated: int = 0
    filtered: int = 0
    exhausted: int = 0
    by_constraint: dict[str, int] = field(default_factory=dict)
    by_dimension: dict[str, int] = field(default_factory=dict)
    class_filtered: dict[str, int] = field(default_factory=dict)
    class_exhausted: dict[str, int] = field(default_factory=dict)
    coalesced: int = 0
    resources: Json | None = None
    score: Json | None = None

    def filter(self, node: Node, reason: str) -> None:
        self.filtered += 1
        _count(self.by_constraint, reason)
        if node.spec.node_class:
            _count(self.class_filtered, node.spec.node_class)

    def exhaust(self, node: Node, dimension: str) -> None:
        self.exhausted += 1
        _count(self.by_dimension, dimension)
        if node.spec.node_class:
            _count(self.class_exhausted, node.spec.node_class)

    def to_json(self) -> Json:
        return {
            "AllocationTime": 0, "ClassExhausted": self.class_exhausted or None,
            "ClassFiltered": self.class_filtered or None, "CoalescedFailures": self.coalesced,
            "ConstraintFiltered": self.by_constraint or None, "DimensionExhausted": self.by_dimension or None,
            "NodesAvailable": self.available, "NodesEvaluated": self.evaluated, "NodesExhausted": self.exhausted,
            "NodesFiltered": self.filtered, "NodesInPool": self.in_pool, "QuotaExhausted": None,
            "ResourcesExhausted": self.resources, "ScoreMetaData": [self.score] if self.score else None,
            "Scores": None,
        }  # fmt: skip


def _count(counter: dict[str, int], key: str) -> None:
    counter[key] = counter.get(key, 0) + 1


@dataclass(frozen=True, slots=True)
class Choice:
    """A node for an allocation, with what it gets there (Nomad's AllocatedResources); `node` None: no node fits."""

    node: Node | None
    resources: Json
    metrics: Metrics


class Candidates:
    """The nodes that placement looks at, with an index by what equality constraints ask for.

    A platform of thousands of cores pins each job to one node; without the index every placement would look at every
    node. Made anew when a node has changed.
    """

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self.nodes = nodes
        self.ready = [node for node in nodes.values() if node.ready]
        self._by_target: dict[str, dict[str, list[Node]]] = {}
        self._available: dict[tuple[tuple[str, ...], str], tuple[list[Node], dict[str, int]]] = {}

    def of_job(self, spec: Json) -> tuple[list[Node], dict[str, int]]:
        """The ready nodes in a job's datacenters and pool, and how many there are in each datacenter."""
        key = (tuple(spec["Datacenters"]), spec["NodePool"])
        found = self._available.get(key)
        if found is None:
            nodes = [node for node in self.ready if in_scope(node, spec)]
            counts: dict[str, int] = {}
            for node in nodes:
                _count(counts, node.spec.datacenter)
            found = self._available[key] = (nodes, counts)
        return found

    def narrowed(self, nodes: list[Node], constraints: list[Json]) -> list[Node]:
        """Fewer nodes, where an equality constraint on meta or attributes says which can fit."""
        for constraint in constraints:
            target = constraint["LTarget"]
            pinned = target.startswith(("${meta.", "${attr.unique.", "${node.unique."))
            if not pinned or constraint["Operand"] not in ("=", "==", "is") or constraint["RTarget"].startswith("${"):
                continue
            index = self._by_target.get(target)
            if index is None:
                index = self._by_target[target] = {}
                for node in self.ready:
                    value, found = resolve(target, node)
                    if found:
                        index.setdefault(value, []).append(node)
            fitting = index.get(constraint["RTarget"], [])
            if len(fitting) * 4 < len(nodes):
                return fitting
        return nodes


def in_scope(node: Node, spec: Json) -> bool:
    """Whether a node is in one of a job's datacenters (patterns such as `eu-*` count) and in its pool."""
    if spec["NodePool"] not in ("all", node.spec.node_pool):
        return False
    return any(fnmatch.fnmatchcase(node.spec.datacenter, pattern) for pattern in spec["Datacenters"])


def choose(
    candidates: Candidates,
    job: Job,
    group: Json,
    siblings: Iterable[Alloc],
    avoid: frozenset[str] = frozenset(),
    only: Node | None = None,
) -> Choice:
    """The node for one more allocation of a group.

    `siblings`: the job's allocations that are not terminal; `avoid`: nodes to be taken only when no other fits (where
    the task failed before); `only`: no other node counts (system jobs, in-place updates).
    """
    demand = _Demand(job, group, list(siblings), candidates.nodes)
    nodes, available = candidates.of_job(job.spec)
    if only is not None:
        looked_at = [only] if in_scope(only, job.spec) else []
    else:
        looked_at = candidates.narrowed(nodes, demand.constraints)
    best = _best(looked_at, demand, avoid)
    metrics = Metrics(available, len(nodes), evaluated=len(looked_at))
    if best is not None:
        node, ports = best
        metrics.score = {"NodeID": node.id, "NormScore": 1.0, "Scores": {"binpack": 1.0}}
        return Choice(node, demand.resources(node, ports), metrics)
    _explain(nodes if only is None else looked_at, demand, metrics)
    return Choice(None, {}, metrics)


Ports = list[tuple[Json, str, int]]


def _best(nodes: list[Node], demand: _Demand, avoid: frozenset[str]) -> tuple[Node, Ports] | None:
    best: tuple[tuple[bool, int, float], Node, Ports] | None = None
    for node in nodes:
        if not node.ready or demand.filtered_by(node) is not None:
            continue
        ports = demand.room(node)
        if isinstance(ports, str):
            continue
        fill = (node.cpu_used + 1) / max(node.spec.cpu, 1) + (node.memory_used + 1) / max(node.spec.memory, 1)
        rank = (node.id in avoid, demand.same_group_on(node), -fill)
        if best is None or rank < best[0]:
            best = (rank, node, ports)
    return None if best is None else (best[1], best[2])


def _explain(nodes: list[Node], demand: _Demand, metrics: Metrics) -> None:
    metrics.evaluated = len(nodes)
    for node in nodes:
        reason = demand.filtered_by(node)
        if reason is not None:
            metrics.filter(node, reason)
            continue
        dimension = demand.room(node)
        if isinstance(dimension, str):
            metrics.exhaust(node, dimension)
    if metrics.exhausted:
        metrics.resources = {task["Name"]: {**task["Resources"], "Networks": None} for task in demand.group["Tasks"]}


class _Demand:
    """What one allocation of a group needs, worked out once for all nodes."""

    def __init__(self, job: Job, group: Json, siblings: list[Alloc], nodes: Mapping[str, Node]) -> None:
        self.nodes = nodes
        self.job = job
        self.group = group
        self.cpu, self.memory, self.disk = group_need(group)
        self.constraints: list[Json] = [*(job.spec["Constraints"] or []), *(group["Constraints"] or [])]
        for task in group["Tasks"]:
            self.constraints += task["Constraints"] or []
        self.plain = [item for item in self.constraints if item["Operand"] not in DISTINCT]
        self.drivers = {task["Driver"] for task in group["Tasks"]}
        self.volumes = [v for v in (group["Volumes"] or {}).values() if v["Type"] == "host"]
        self.ports = _asked_ports(group)
        self.job_nodes = {alloc.node_id for alloc in siblings}
        self.siblings = siblings

    def same_group_on(self, node: Node) -> int:
        if node.id not in self.job_nodes:
            return 0
        return sum(1 for a in self.siblings if a.node_id == node.id and a.group == self.group["Name"])

    def filtered_by(self, node: Node) -> str | None:
        """Why a node cannot take the group at all, as Nomad words it; None when it can."""
        for constraint in self.plain:
            if not meets(constraint, node):
                return label(constraint)
        if not self.drivers <= set(node.spec.drivers):
            return "missing drivers"
        for volume in self.volumes:
            read_only = node.read_only_volume(volume["Source"])
            if read_only is None or (read_only and not volume["ReadOnly"]):
                return "missing compatible host volumes"
        for port, _fixed in self.ports:
            if node.address_of(port["HostNetwork"]) is None:
                return f'missing host network "{port["HostNetwork"]}" for port "{port["Label"]}"'
        return self._distinct(node)

    def _distinct(self, node: Node) -> str | None:
        for constraint in self.constraints:
            if constraint["Operand"] == "distinct_hosts" and constraint["RTarget"] in ("", "true"):
                whole_job = constraint in (self.job.spec["Constraints"] or [])
                if (whole_job and node.id in self.job_nodes) or self.same_group_on(node):
                    return "distinct_hosts"
            if constraint["Operand"] == "distinct_property" and self._property_used(constraint, node):
                return f"distinct_property: {constraint['LTarget']}={resolve(constraint['LTarget'], node)[0]}"
        return None

    def _property_used(self, constraint: Json, node: Node) -> bool:
        value, found = resolve(constraint["LTarget"], node)
        if not found:
            return True
        limit = int(constraint["RTarget"] or 1)
        used = sum(1 for a in self.siblings if a.group == self.group["Name"] and self._value_of(constraint, a) == value)
        return used >= limit

    def _value_of(self, constraint: Json, alloc: Alloc) -> str:
        node = self.nodes.get(alloc.node_id)
        return resolve(constraint["LTarget"], node)[0] if node is not None else ""

    def room(self, node: Node) -> Ports | str:
        """The ports the group gets on a node, or the dimension that is exhausted there."""
        if node.cpu_used + self.cpu > node.spec.cpu:
            return "cpu"
        if node.memory_used + self.memory > node.spec.memory:
            return "memory"
        if node.disk_used + self.disk > node.spec.disk:
            return "disk"
        return self._free_ports(node)

    def _free_ports(self, node: Node) -> Ports | str:
        chosen: Ports = []
        taken: set[tuple[str, int]] = set()
        for port, fixed in self.ports:
            address = node.address_of(port["HostNetwork"]) or node.address
            if fixed:
                number = port["Value"]
                if (address, number) in node.ports or (address, number) in taken:
                    return f"network: reserved port collision {port['Label']}={number}"
            else:
                number = _dynamic_port(node, address, taken, f"{self.job.id}/{self.group['Name']}/{port['Label']}")
                if not number:
                    return "network: dynamic port selection failed"
            taken.add((address, number))
            chosen.append((port, address, number))
        return chosen

    def resources(self, node: Node, ports: Ports) -> Json:
        """Nomad's AllocatedResources for the group on a node."""
        shared = [
            {"HostIP": address, "Label": port["Label"], "To": port["To"], "Value": number}
            for port, address, number in ports
        ]
        numbers = {port["Label"]: number for port, _address, number in ports}
        networks = [
            {
                **network,
                "IP": node.address,
                "DynamicPorts": _numbered(network["DynamicPorts"], numbers),
                "ReservedPorts": _numbered(network["ReservedPorts"], numbers),
            }
            for network in self.group["Networks"] or []
        ]
        tasks = {
            task["Name"]: {
                "Cpu": {"CpuShares": task["Resources"]["CPU"], "ReservedCores": None}, "Devices": None,
                "Memory": {
                    "MemoryMB": task["Resources"]["MemoryMB"], "MemoryMaxMB": task["Resources"]["MemoryMaxMB"],
                },
                "Networks": None,
            }
            for task in self.group["Tasks"]
        }  # fmt: skip
        return {
            "Shared": {"DiskMB": self.disk, "Networks": networks or None, "Ports": shared or None},
            "TaskLifecycles": {task["Name"]: task["Lifecycle"] for task in self.group["Tasks"]}, "Tasks": tasks,
        }  # fmt: skip


def _asked_ports(group: Json) -> list[tuple[Json, bool]]:
    ports: list[tuple[Json, bool]] = []
    networks = list(group["Networks"] or [])
    for task in group["Tasks"]:
        networks += task["Resources"]["Networks"] or []
    for network in networks:
        ports += [(port, True) for port in network["ReservedPorts"] or []]
        ports += [(port, False) for port in network["DynamicPorts"] or []]
    return ports


def _numbered(ports: list[Json] | None, numbers: dict[str, int]) -> list[Json] | None:
    return [{**port, "Value": numbers[port["Label"]]} for port in ports] if ports else None


def _dynamic_port(node: Node, address: str, taken: set[tuple[str, int]], seed: str) -> int:
    """A free port of the dynamic range, 0 when there is none. Where it starts to look follows from `seed`, so that
    neighbours do not get the same ports and a trial (`/plan`) changes nothing."""
    span = MAX_DYNAMIC_PORT - MIN_DYNAMIC_PORT + 1
    start = crc32(seed.encode()) % span
    for step in range(span):
        number = MIN_DYNAMIC_PORT + (start + step) % span
        if (address, number) not in node.ports and (address, number) not in taken:
            return number
    return 0
