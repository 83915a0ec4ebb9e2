"""Why Nomad finds no place for a group, from an AllocMetric, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pryv_nomad.plan.values import counted


def explain(metric: Mapping[str, Any]) -> tuple[str, ...]:
    """Sentences for one group of `FailedTGAllocs`; never empty."""
    reasons = [*_no_nodes(metric), *_filtered(metric), *_exhausted(metric)]
    return tuple(reasons) or ("Nomad gave no reason",)


def _no_nodes(metric: Mapping[str, Any]) -> list[str]:
    empty = [name for name, count in sorted((metric.get("NodesAvailable") or {}).items()) if not count]
    reasons = [f"no node is available in datacenter {name!r}" for name in empty]
    if not metric.get("NodesEvaluated") and not reasons:
        reasons.append("no node is eligible (ready, in the job's datacenters and node pool)")
    return reasons


def _filtered(metric: Mapping[str, Any]) -> list[str]:
    reasons = []
    for name, count in sorted((metric.get("ClassFiltered") or {}).items()):
        reasons.append(f"{counted(count, 'node')} of class {name!r} excluded")
    for name, count in sorted((metric.get("ConstraintFiltered") or {}).items()):
        # Nomad remembers which classes of nodes are unfit and then no longer says by which constraint.
        what = "by a constraint checked before" if name == "computed class ineligible" else f"by: {name}"
        reasons.append(f"{counted(count, 'node')} excluded {what}")
    return reasons


def _exhausted(metric: Mapping[str, Any]) -> list[str]:
    reasons = []
    for name, count in sorted((metric.get("DimensionExhausted") or {}).items()):
        reasons.append(f"{counted(count, 'node')} without enough: {name}")
    for name, count in sorted((metric.get("ClassExhausted") or {}).items()):
        reasons.append(f"{counted(count, 'node')} of class {name!r} full")
    reasons += [f"quota reached: {name}" for name in metric.get("QuotaExhausted") or ()]
    if metric.get("NodesExhausted") and not reasons:
        reasons.append(f"{counted(metric['NodesExhausted'], 'node')} full")
    return reasons
