"""What one allocation of a group needs, and whether a node has it.

The reasons are Nomad's words (`scheduler/feasible.go`, `scheduler/rank.go`, 1.6.5), in the order of its checks: the
job's constraints, drivers, the group's constraints, host networks; then host volumes, distinct hosts, and room.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

from pryv_nomad.simulator.constraints import DISTINCT, label, meets, resolve
from pryv_nomad.simulator.nodes import MAX_DYNAMIC_PORT, MIN_DYNAMIC_PORT, Node
from pryv_nomad.simulator.objects import Alloc, Job
from pryv_nomad.simulator.usage import group_need

Json = dict[str, Any]

# What a group gets: the port asked for, its address and its number.
Ports = list[tuple[Json, str, int]]


class Demand:
    """What one allocation of a group needs, worked out once for all nodes."""

    def __init__(self, job: Job, group: Json, siblings: list[Alloc], nodes: Mapping[str, Node]) -> None:
        self.nodes = nodes
        self.job = job
        self.group = group
        self.cpu, self.memory, self.disk = group_need(group)
        of_group: list[Json] = list(group["Constraints"] or [])
        for task in group["Tasks"]:
            of_group += task["Constraints"] or []
        self.constraints: list[Json] = [*(job.spec["Constraints"] or []), *of_group]
        self._of_job = [item for item in job.spec["Constraints"] or [] if item["Operand"] not in DISTINCT]
        self._of_group = [item for item in of_group if item["Operand"] not in DISTINCT]
        self.job_is_particular = any(_particular(item) for item in self._of_job)
        self.group_is_particular = any(_particular(item) for item in self._of_group)
        self._distinct_ones = [item for item in self.constraints if item["Operand"] in DISTINCT]
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
        return self.job_filter(node) or self.group_filter(node) or self.node_filter(node)

    def job_filter(self, node: Node) -> str | None:
        """What of the job's constraints the node does not meet."""
        return next((label(item) for item in self._of_job if not meets(item, node)), None)

    def group_filter(self, node: Node) -> str | None:
        """What of the group's drivers, constraints and host networks the node lacks."""
        if not self.drivers.issubset(node.spec.drivers):
            return "missing drivers"
        for constraint in self._of_group:
            if not meets(constraint, node):
                return label(constraint)
        for port, _fixed in self.ports:
            if node.address_of(port["HostNetwork"]) is None:
                return f'missing host network "{port["HostNetwork"]}" for port "{port["Label"]}"'
        return None

    def node_filter(self, node: Node) -> str | None:
        """What speaks against this very node."""
        for volume in self.volumes:
            read_only = node.read_only_volume(volume["Source"])
            if read_only is None or (read_only and not volume["ReadOnly"]):
                return "missing compatible host volumes"
        return self._distinct(node)

    def _distinct(self, node: Node) -> str | None:
        for constraint in self._distinct_ones:
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


def _particular(constraint: Json) -> bool:
    """Whether a constraint asks for something that each node has for itself."""
    sides = (constraint["LTarget"], constraint["RTarget"])
    return any(side.startswith(("${node.unique.", "${attr.unique.", "${meta.unique.")) for side in sides)


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
