"""What allocations take of a node: MHz, memory, disk and ports.

An allocation counts until it is terminal, by the server's wish (desired stop) or by the client's report, as in Nomad.
"""

from __future__ import annotations

from typing import Any

from pryv_nomad.simulator.nodes import Node
from pryv_nomad.simulator.objects import Alloc

Json = dict[str, Any]


def group_need(group: Json) -> tuple[int, int, int]:
    """CPU (MHz), memory and disk (MB) that one allocation of a group takes.

    Tasks that only run before (prestart) or after (poststop) the main ones do not add up with them: the larger counts.
    """
    sums = {"main": [0, 0], "before": [0, 0], "after": [0, 0], "beside": [0, 0]}
    for task in group["Tasks"]:
        lifecycle = task["Lifecycle"]
        where = "main"
        if lifecycle is not None and lifecycle["Sidecar"]:
            where = "beside"
        elif lifecycle is not None:
            where = {"prestart": "before", "poststop": "after"}.get(lifecycle["Hook"], "main")
        sums[where][0] += task["Resources"]["CPU"]
        sums[where][1] += task["Resources"]["MemoryMB"]
    cpu, memory = (max(sums["main"][i], sums["before"][i], sums["after"][i]) + sums["beside"][i] for i in (0, 1))
    return cpu, memory, group["EphemeralDisk"]["SizeMB"]


def taken_ports(alloc: Alloc) -> list[tuple[str, int]]:
    """The (address, port) pairs of an allocation."""
    ports = alloc.resources.get("Shared", {}).get("Ports") or []
    return [(port["HostIP"], port["Value"]) for port in ports]


def claim(node: Node, alloc: Alloc) -> None:
    """Count an allocation on its node (twice is once)."""
    if alloc.id in node.allocs:
        return
    node.allocs[alloc.id] = None
    cpu, memory, disk = group_need(alloc.job.groups[alloc.group])
    node.cpu_used += cpu
    node.memory_used += memory
    node.disk_used += disk
    for pair in taken_ports(alloc):
        node.ports[pair] = alloc.id


def release(node: Node, alloc: Alloc) -> None:
    """Give back what an allocation took (twice is once)."""
    if alloc.id not in node.allocs:
        return
    del node.allocs[alloc.id]
    cpu, memory, disk = group_need(alloc.job.groups[alloc.group])
    node.cpu_used -= cpu
    node.memory_used -= memory
    node.disk_used -= disk
    for pair in taken_ports(alloc):
        if node.ports.get(pair) == alloc.id:
            del node.ports[pair]
