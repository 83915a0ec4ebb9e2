"""In which order jobs change: what others need comes first, and a core is one unit of three jobs.

redis and its replica, registry, dns and its replica, the registry's edge and its replica's; then core by core its data,
core and edge; then an edge that serves a whole machine, the static site, and the rest. Stopping goes the other way.
"""

from __future__ import annotations

from dataclasses import dataclass

CORES, OTHERS, STOPS = 10, 13, 20
STAGES = {
    "redis": 0,
    "redis-replica": 1,
    "registry": 2,
    "dns": 3,
    "dns-replica": 4,
    "registry-edge": 5,
    "registry-edge-replica": 6,
    "edge-single": 11,
    "static": 12,
}
"""Kind of a job outside the cores → its stage."""
CORE_STEPS = {"data": 0, "core": 1, "edge": 2}


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where a job stands in the order. Jobs of one `stage` wait for all earlier stages; within a `unit` (a core's name,
    empty for other jobs) jobs follow each other by `step`."""

    stage: int
    rank: int
    unit: str
    step: int
    job_id: str


def position(job_id: str, unit: str, kind: str, rank: int | None, stops: bool = False) -> Position:
    """The place of a job. `rank` is the place of its core in the cluster file, None for a job outside the cores (whose
    `unit` is not looked at)."""
    if rank is not None:
        step = CORE_STEPS.get(kind, len(CORE_STEPS))
        return Position(STOPS, rank, unit, -step, job_id) if stops else Position(CORES, rank, unit, step, job_id)
    stage = STAGES.get(kind, OTHERS)
    # Behind the cores' stops come the others', in the order turned round: 21 to 34.
    return Position(STOPS + 1 + OTHERS - stage if stops else stage, 0, "", 0, job_id)
