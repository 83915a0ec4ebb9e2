"""What the nodes mean for a job's allocations: which are lost, on the move, unknown, or back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pryv_nomad.simulator.nodes import Node
from pryv_nomad.simulator.objects import Alloc

Allocs = dict[str, Alloc]


def disconnect_time(alloc: Alloc) -> int | None:
    """How long the group lets its allocations be unknown before they are lost; None: not at all."""
    group = alloc.job.groups.get(alloc.group)
    return None if group is None else group["MaxClientDisconnect"]


@dataclass(slots=True)
class Sorted:
    """A group's allocations by what their nodes mean for them."""

    untainted: Allocs = field(default_factory=dict)
    migrate: Allocs = field(default_factory=dict)
    lost: Allocs = field(default_factory=dict)
    disconnecting: Allocs = field(default_factory=dict)
    reconnecting: Allocs = field(default_factory=dict)
    ignored: Allocs = field(default_factory=dict)

    def put(self, where: str, alloc: Alloc) -> None:
        getattr(self, where)[alloc.id] = alloc


def _where(alloc: Alloc, node: Node | None, now: int) -> str:
    limit = disconnect_time(alloc)
    expired = alloc.status == "unknown" and limit is not None and alloc.unknown_since + limit <= now
    if limit is not None and node is not None and node.status == "disconnected":
        if alloc.status == "running" and not alloc.terminal:
            return "disconnecting"
        if alloc.status == "pending" and not alloc.terminal:
            return "lost"
    if alloc.terminal and not alloc.reconnecting:
        return "ignored" if limit is not None else "untainted"
    if alloc.migrate:
        return "migrate"
    if expired:
        return "lost"
    if alloc.status == "unknown":
        return "untainted"
    if alloc.reconnecting and node is not None and node.status == "ready":
        return "reconnecting"
    if node is None or node.status in ("down", "disconnected"):
        return "lost"
    return "untainted"


def sort_by_taint(allocs: Allocs, nodes: Mapping[str, Node], now: int) -> Sorted:
    """A group's allocations by what their nodes mean for them."""
    found = Sorted()
    for alloc in allocs.values():
        found.put(_where(alloc, nodes.get(alloc.node_id), now), alloc)
    return found
