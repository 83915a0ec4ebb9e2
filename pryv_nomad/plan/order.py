"""In which order jobs change: what others need comes first, and a core is one unit of three jobs.

redis and its replica, registry, dns and its replica, the registry's edge; then core by core its data, core and edge;
then an edge that serves a whole machine, the static site, and the rest. Stopping goes the other way.
"""

from __future__ import annotations

from dataclasses import dataclass

REGISTRY_STAGES = {"redis": 0, "registry": 2, "dns": 3, "edge": 5}
CORE_STEPS = {"data": 0, "core": 1, "edge": 2}
CORES, MACHINE_EDGE, STATIC, OTHERS, STOPS = 10, 11, 12, 13, 20
REGISTRY_OWNERS = frozenset({"registry", "replica"})


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where a job stands in the order. Jobs of one `stage` wait for all earlier stages; within a `unit` (a core's name,
    empty for other jobs) jobs follow each other by `step`."""

    stage: int
    rank: int
    unit: str
    step: int
    job_id: str


def position(job_id: str, owner: str, kind: str, core_rank: int | None, stops: bool = False) -> Position:
    """The place of a job. `core_rank` is the place of its core in the cluster file, None for jobs of other roles."""
    if core_rank is not None:
        step = CORE_STEPS.get(kind, len(CORE_STEPS))
        return (
            Position(STOPS, core_rank, owner, -step, job_id)
            if stops
            else Position(CORES, core_rank, owner, step, job_id)
        )
    stage = _stage(owner, kind)
    return Position(STOPS + OTHERS - stage + 1, 0, "", 0, job_id) if stops else Position(stage, 0, "", 0, job_id)


def _stage(owner: str, kind: str) -> int:
    base = kind.removesuffix("-replica").removeprefix("registry-")
    if owner in REGISTRY_OWNERS and base in REGISTRY_STAGES:
        behind = 1 if owner == "replica" or kind.endswith("-replica") else 0
        return REGISTRY_STAGES[base] + (behind if base in ("redis", "dns") else 0)
    if owner == "static":
        return STATIC
    return MACHINE_EDGE if base == "edge" else OTHERS
