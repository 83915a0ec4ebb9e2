from __future__ import annotations

from dataclasses import replace

import pytest

from pryv_nomad.errors import Conflict, Refused
from pryv_nomad.plan.change import Action, Change, Plan
from pryv_nomad.plan.observed import Record
from pryv_nomad.rollout.admit import Consent, admit, unfinished
from tests.plan.made import change, core_changes, intent

UPDATE = change("pryv-redis", kind="redis")
STOP = change("pryv-dns", Action.STOP, kind="dns")
CORE_STOPS = core_changes("co9", Action.STOP)


def plan(*changes: Change, **values: object) -> Plan:
    return replace(Plan(intent("co1"), "0", changes), **values)


def test_stops_are_left_out_and_told_without_prune() -> None:
    admitted, notes = admit(plan(UPDATE, STOP, *CORE_STOPS), Consent())
    assert admitted.changes == (UPDATE,)
    assert notes == (
        "4 jobs (pryv-dns, pryv-data-co9, pryv-core-co9, pryv-edge-co9) no longer in the cluster file, left running"
        " (--prune stops them)",
    )


def test_prune_admits_stops_of_roles() -> None:
    assert admit(plan(UPDATE, STOP), Consent(prune=True))[0].changes == (UPDATE, STOP)


def test_prune_refuses_a_cores_jobs_without_force() -> None:
    with pytest.raises(Refused, match="pryv-data-co9"):
        admit(plan(STOP, *CORE_STOPS), Consent(prune=True))
    admit(plan(STOP, *CORE_STOPS), Consent(prune=True, force=True))


def test_force_alone_stops_nothing() -> None:
    assert admit(plan(UPDATE, *CORE_STOPS), Consent(force=True))[0].changes == (UPDATE,)


def test_drift_is_refused_without_overwrite() -> None:
    drifted = replace(UPDATE, drift="changed by somebody else")
    with pytest.raises(Conflict, match="changed by somebody else"):
        admit(plan(drifted), Consent())
    assert admit(plan(drifted), Consent(overwrite=True))[0].changes == (drifted,)


def test_drift_of_a_job_that_is_left_running_anyway_refuses_nothing() -> None:
    admit(plan(replace(STOP, drift="changed by somebody else")), Consent())


@pytest.mark.parametrize(
    ("status", "index", "watched", "failed"),
    [
        ("running", 7, True, False),
        ("paused", 7, True, False),
        ("failed", 7, False, True),
        ("cancelled", 7, False, True),
        ("successful", 7, False, False),
        ("running", 6, False, False),
    ],
)
def test_deployments_that_an_earlier_run_left_are_found(status: str, index: int, watched: bool, failed: bool) -> None:
    deployment = {"ID": "d", "JobID": "pryv-core-co1", "JobSpecModifyIndex": index, "Status": status, "CreateIndex": 1}
    records = {"pryv-core-co1": Record("h", 7, owner="co1", kind="core", hosting="ch")}
    found, bad = unfinished(plan(unchanged={"pryv-core-co1": 7}), records, [deployment])
    assert [each.job_id for each in found] == (["pryv-core-co1"] if watched else [])
    assert bool(bad) is failed
    assert all((each.action, each.core, each.index) == (Action.WATCH, "co1", 7) for each in found)


def test_only_the_newest_deployment_of_a_job_counts() -> None:
    both = [
        {"ID": "d2", "JobID": "j", "JobSpecModifyIndex": 7, "Status": "successful", "CreateIndex": 2},
        {"ID": "d1", "JobID": "j", "JobSpecModifyIndex": 7, "Status": "failed", "CreateIndex": 1},
    ]
    assert unfinished(plan(unchanged={"j": 7}), {}, both) == ((), {})
