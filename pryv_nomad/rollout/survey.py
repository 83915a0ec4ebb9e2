"""What runs, asked of Nomad and Consul, and the plan that follows: the only part of planning that does I/O.

Without changes it costs one list of jobs and one read of the records. Jobs that need a closer look are asked for by a
small pool of threads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from pryv_nomad.plan.answers import Answer
from pryv_nomad.plan.build import Answers, build, needs_history
from pryv_nomad.plan.change import Plan
from pryv_nomad.plan.compare import Candidate, compare, migrated, selected
from pryv_nomad.plan.history import History
from pryv_nomad.plan.intent import Intent
from pryv_nomad.plan.needs import needs_of
from pryv_nomad.plan.nodes import Lack, lacking
from pryv_nomad.plan.observed import Observed, Spec
from pryv_nomad.rollout.records import Records, read_or_none

if TYPE_CHECKING:
    from pryv_nomad.clients.nomad import Nomad

THREADS = 8
A = TypeVar("A")
B = TypeVar("B")


def observe(nomad: Nomad, records: Records) -> tuple[Observed, tuple[str, ...]]:
    """The list of jobs, our records, and a note where those could not be read."""
    with ThreadPoolExecutor(1) as pool:
        listed = pool.submit(nomad.list_jobs)
        found, error = read_or_none(records)
        observed = Observed.of(listed.result(), found)
    return observed, (error.message,) if error else ()


def survey(
    nomad: Nomad,
    records: Records,
    intent: Intent,
    specs: Iterable[Spec],
    *,
    migrating: Callable[[], Iterable[Spec]] | None = None,
    only: Callable[[str, str], bool] | None = None,
) -> Plan:
    """The plan from what runs to `specs`.

    `migrating` renders the specs for the change that brings a release which migrates data: cores that come from another
    release are registered with those. `only` keeps to some jobs, by job id and owner.
    """
    with ThreadPoolExecutor(1) as pool:
        observing = pool.submit(observe, nomad, records)
        # Rendering and hashing takes about as long as the answers: done meanwhile.
        rendered = [spec for spec in specs if spec.hash]
        observed, notes = observing.result()
    comparison = compare(rendered, observed)
    if only is not None:
        comparison = selected(comparison, only)
    if migrating is not None and intent.migrates:
        comparison = replace(comparison, candidates=migrated(comparison.candidates, intent.release, migrating))
    answers = ask(nomad, comparison.candidates)
    plan = build(intent, observed, comparison, answers)
    return replace(plan, notes=plan.notes + notes)


def ask(nomad: Nomad, candidates: Sequence[Candidate]) -> Answers:
    """Nomad's plan of each candidate, and the history of those whose index moved."""
    wanted = [candidate.spec for candidate in candidates if candidate.spec is not None]
    moved = [candidate for candidate in candidates if needs_history(candidate)]

    def planned(spec: Spec) -> Answer:
        return Answer.of(nomad.plan(spec.json_text))

    def history(candidate: Candidate) -> History:
        return History.of(nomad.job_versions(candidate.job_id), nomad.deployments_for_job(candidate.job_id))

    return Answers(
        plans=dict(zip((each.job_id for each in wanted), _mapped(planned, wanted), strict=True)),
        histories=dict(zip((each.job_id for each in moved), _mapped(history, moved), strict=True)),
    )


def check_nodes(nomad: Nomad, plan: Plan) -> tuple[Lack, ...]:
    """What the nodes lack for the jobs of a plan. One request for the list and one for each node, in the pool."""
    jobs = [(change.owner, json.loads(change.spec)) for change in plan.changes if change.spec]
    if not jobs:
        return ()
    ids = [stub["ID"] for stub in nomad.nodes(resources=False) if stub.get("Status") == "ready"]
    nodes: list[dict[str, Any]] = _mapped(nomad.node, ids)
    return lacking(needs_of(jobs), nodes)


def _mapped(call: Callable[[A], B], items: Sequence[A]) -> list[B]:
    """`call` of each item by a small pool; the first error ends it."""
    if len(items) < 2:
        return [call(item) for item in items]
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(call, items))
