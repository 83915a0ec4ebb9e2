"""What a placement saw: Nomad's AllocMetric, which explains a failed placement to its users."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pryv_nomad.simulator.nodes import Node

Json = dict[str, Any]


@dataclass(slots=True)
class Metrics:
    """Counts of nodes, by what became of them."""

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
        count(self.by_constraint, reason)
        if node.spec.node_class:
            count(self.class_filtered, node.spec.node_class)

    def exhaust(self, node: Node, dimension: str) -> None:
        self.exhausted += 1
        count(self.by_dimension, dimension)
        if node.spec.node_class:
            count(self.class_exhausted, node.spec.node_class)

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


def count(counter: dict[str, int], key: str) -> None:
    """One more of `key`."""
    counter[key] = counter.get(key, 0) + 1
