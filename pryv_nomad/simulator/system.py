"""What must change so that a system job runs on every node that can take it (`scheduler/scheduler_system.go`).

Nomad 1.6 has no deployments for system jobs: at most `max_parallel` allocations are replaced at once, the next after
the `stagger` time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pryv_nomad.simulator import texts
from pryv_nomad.simulator.candidates import Candidates
from pryv_nomad.simulator.clock import SECOND
from pryv_nomad.simulator.decisions import Counts, Decision, Followup, Place, Stop
from pryv_nomad.simulator.nodes import Node
from pryv_nomad.simulator.objects import Alloc, Job
from pryv_nomad.simulator.placement import choose
from pryv_nomad.simulator.update import replaced

Json = dict[str, Any]


def reconcile_system(
    job: Job | None,
    allocs: list[Alloc],
    nodes: Mapping[str, Node],
    candidates: Candidates,
    stays: Callable[[Job, Alloc], bool],
    now: int,
) -> Decision:
    """Decide what must change for a system job; `job` None or stopped: everything ends."""
    decision = Decision()
    live = [alloc for alloc in allocs if not alloc.terminal]
    groups = job.groups if job is not None and not job.stopped else {}
    for name in {**dict.fromkeys(groups), **dict.fromkeys(alloc.group for alloc in live)}:
        decision.counts[name] = Counts()
    here: dict[tuple[str, str], Alloc] = {}
    for alloc in live:
        node = nodes.get(alloc.node_id)
        gone = node is None or node.status in ("down", "disconnected")
        if alloc.group not in groups or gone or alloc.migrate:
            status, text = ("lost", texts.LOST) if gone else ("", texts.NOT_NEEDED)
            decision.stops.append(Stop(alloc, texts.NODE_TAINTED if alloc.migrate else text, status))
            decision.counts[alloc.group].stop += 1
            continue
        here[alloc.group, alloc.node_id] = alloc
    if job is not None and groups:
        for name, group in groups.items():
            _group(job, name, group, here, candidates, stays, decision)
    if job is not None and any(counts.waiting for counts in decision.counts.values()):
        stagger = max(job.spec["Update"]["Stagger"], SECOND)
        decision.followups.append(Followup(now + stagger, "rolling-update", ""))
    return decision


def _group(
    job: Job,
    name: str,
    group: Json,
    here: dict[tuple[str, str], Alloc],
    candidates: Candidates,
    stays: Callable[[Job, Alloc], bool],
    decision: Decision,
) -> None:
    counts = decision.counts[name]
    limit = (group["Update"] or {}).get("MaxParallel") or len(candidates.ready) + 1
    for (other, _node_id), alloc in sorted(here.items(), key=lambda item: item[1].node_name):
        if other != name:
            continue
        if alloc.job.job_modify_index == job.job_modify_index:
            counts.ignore += 1
        elif not replaced(alloc.job, job, name) and stays(job, alloc):
            counts.in_place += 1
            decision.in_place.append(alloc)
        elif limit > 0:
            limit -= 1
            counts.destructive += 1
            decision.destructive.append(Place(alloc.name, group, alloc, replaces=alloc, node_id=alloc.node_id))
        else:
            counts.ignore += 1
            counts.waiting += 1
    nodes, _available = candidates.of_job(job.spec)
    for node in nodes:
        if (name, node.id) in here:
            continue
        choice = choose(candidates, job, group, [], only=node)
        if choice.node is not None or choice.metrics.exhausted:
            counts.place += 1
            decision.places.append(Place(f"{job.id}.{name}[0]", group, node_id=node.id))
