"""Our own specs, as a Nomad keeps them: the canonical form, and that a second registration finds nothing to change.

The node here has no Docker and not the meta that the cores want, so nothing of them runs; what they become does not
depend on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from contract.world import World
from pryv_nomad.simulator.canonical import SERVER_KEYS, canonical_job
from tests.specs.rendered import SMALLEST, VARIANTS, Spec, cluster, distinct, example

Json = dict[str, Any]

VARIANT_NAMES = ("smallest", "canary", "no-canary", "admin", "line", "path")


def distinct_specs(name: str) -> Iterator[Spec]:
    yield from distinct(example(name) if name == "two-hostings" else cluster(SMALLEST, *VARIANTS[name]))


def registered(nomad: World, job: Json) -> Json:
    """The job as the backend keeps it, without what the server adds."""
    nomad.jobs.append(job["ID"])
    nomad.client.register(job, enforce_index=0)
    found = nomad.client.job(job["ID"])
    return _sorted({key: value for key, value in found.items() if key not in SERVER_KEYS})


def _sorted(job: Json) -> Json:
    """A job with its constraints in one order: the implied ones have none."""
    for group in job["TaskGroups"]:
        if group["Constraints"]:
            group["Constraints"] = sorted(group["Constraints"], key=json.dumps)
    return job


@pytest.mark.parametrize("name", [*VARIANT_NAMES, "two-hostings"])
def test_our_jobs_are_kept_in_the_same_form_everywhere(nomad: World, name: str) -> None:
    for spec in distinct_specs(name):
        job = {**json.loads(spec.json_text), "Namespace": "default"}
        assert registered(nomad, job) == _sorted(canonical_job(job)), spec.job_id
        plan = nomad.client.plan(job)
        assert plan["Diff"]["Type"] == "None", spec.job_id
        assert plan["JobModifyIndex"] == nomad.client.job(job["ID"])["JobModifyIndex"]


@pytest.mark.parametrize("change", ["update.canary=0", "platform.name=Other Lab", "registry.register.instances=3"])
def test_a_changed_setting_has_the_same_diff_everywhere(nomad: World, change: str) -> None:
    from contract.test_plan import without_order
    from pryv_nomad.simulator.diff import annotated_diff

    before = {spec.job_id: json.loads(spec.json_text) for spec in distinct(cluster())}
    changed = 0
    for spec in distinct(cluster(SMALLEST, change)):
        old, new = before[spec.job_id], json.loads(spec.json_text)
        if old == new:
            continue
        changed += 1
        old, new = {**old, "Namespace": "default"}, {**new, "Namespace": "default"}
        registered(nomad, old)
        plan = nomad.client.plan(new)
        expected = annotated_diff(canonical_job(old), canonical_job(new), plan["Annotations"]["DesiredTGUpdates"])
        assert without_order(plan["Diff"]) == without_order(expected), spec.job_id
    assert changed
