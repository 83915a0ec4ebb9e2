"""Which nodes a placement looks at, and what an evaluation has learnt about classes of nodes."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any

from pryv_nomad.simulator.constraints import resolve
from pryv_nomad.simulator.metrics import count
from pryv_nomad.simulator.nodes import Node

Json = dict[str, Any]


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
                count(counts, node.spec.datacenter)
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


class Eligibility:
    """What one evaluation knows of classes of nodes: once a node of a class cannot take a job or a group, the others of
    the class are not looked at, and are counted under a reason of their own (`scheduler/context.go`)."""

    REASON = "computed class ineligible"

    def __init__(self) -> None:
        self._ineligible: set[tuple[str, str]] = set()

    def knows(self, node: Node, group: str = "") -> bool:
        """Whether the node's class is known not to fit the group (or, without one, the whole job)."""
        return (node.computed_class, group) in self._ineligible

    def learn(self, node: Node, group: str = "") -> None:
        self._ineligible.add((node.computed_class, group))
