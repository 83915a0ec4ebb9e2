"""Deployments: canaries, promotion, failure and going back, deadlines, pausing, rolling updates."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from contract.world import MS, SECOND, World, changed, fail, failing_task, job_spec, task, update, with_env
from pryv_nomad.errors import ApiError

Json = dict[str, Any]


def canaried(nomad: World, stem: str, **values: Any) -> tuple[Json, Json]:
    """A job that runs with one canary asked for, and a changed version of it."""
    job = job_spec(nomad.name(stem), Update=update(Canary=1, **values))
    if values.get("AutoRevert"):
        nomad.deployed(job)
    else:
        nomad.healthy(job)
    return job, with_env(job, "2")


def event_types(alloc: Json) -> set[str]:
    """The kinds of what happened to the task."""
    states = alloc["TaskStates"] or {"main": {"Events": []}}
    return {event["Type"] for event in states["main"]["Events"]}


def group(deployment: Json) -> Json:
    state: Json = deployment["TaskGroups"]["api"]
    return state


def test_a_first_deployment_has_no_canaries(nomad: World) -> None:
    job = job_spec(nomad.name("first"), Update=update(Canary=1, AutoRevert=True))
    deployment = nomad.deployed(job)
    assert deployment["StatusDescription"] == "Deployment completed successfully"
    state = group(deployment)
    assert (state["DesiredCanaries"], state["PlacedCanaries"], state["Promoted"]) == (0, None, False)
    assert (state["DesiredTotal"], state["PlacedAllocs"], state["HealthyAllocs"]) == (1, 1, 1)
    assert (state["AutoRevert"], state["ProgressDeadline"]) == (True, 10 * SECOND)


def test_a_canary_waits_for_its_promotion_beside_the_old_one(nomad: World) -> None:
    job, newer = canaried(nomad, "canary")
    nomad.register(changed(newer, lambda item: item["Update"].update(MinHealthyTime=SECOND)))
    placed = nomad.deployment(job["ID"], 1, lambda item: group(item)["PlacedAllocs"] == 1)
    with pytest.raises(ApiError, match='Task group "api" has 0/1 healthy allocations'):
        nomad.client.promote(placed["ID"])
    deployment = nomad.deployment(job["ID"], 1, lambda item: group(item)["HealthyAllocs"] == 1)
    assert deployment["StatusDescription"] == "Deployment is running but requires manual promotion"
    assert group(deployment)["DesiredCanaries"] == 1
    allocs = {item["JobVersion"]: item for item in nomad.running(job["ID"], 2)}
    assert set(allocs) == {0, 1}
    assert group(deployment)["PlacedCanaries"] == [allocs[1]["ID"]]
    assert allocs[1]["DeploymentStatus"]["Canary"] is True
    assert allocs[0]["Name"] == allocs[1]["Name"]
    nomad.client.promote(deployment["ID"])
    done = nomad.deployment(job["ID"], 1, lambda item: item["Status"] == "successful")
    assert group(done)["Promoted"] is True
    (left,) = nomad.running(job["ID"])
    assert left["ID"] == allocs[1]["ID"]
    assert left["DeploymentStatus"]["Canary"] is False
    with pytest.raises(ApiError, match="can't promote terminal deployment"):
        nomad.client.promote(deployment["ID"])


def test_a_failed_canary_goes_and_the_old_one_stays(nomad: World) -> None:
    job, _ = canaried(nomad, "failing")
    (before,) = nomad.running(job["ID"])
    nomad.register(changed(job, fail))
    deployment = nomad.deployment(job["ID"], 1, lambda item: item["Status"] == "failed")
    assert deployment["StatusDescription"] == "Failed due to unhealthy allocations"
    assert group(deployment)["UnhealthyAllocs"] == 1
    allocs = nomad.allocs(job["ID"], lambda body: any("Not Restarting" in event_types(item) for item in body))
    failed = next(item for item in allocs if item["JobVersion"] == 1)
    assert failed["ClientDescription"] == "Failed tasks"
    assert failed["DeploymentStatus"]["Healthy"] is False
    state = failed["TaskStates"]["main"]
    assert (state["State"], state["Failed"]) == ("dead", True)
    events = {event["Type"]: event for event in state["Events"]}
    assert events["Terminated"]["ExitCode"] == 1
    assert events["Terminated"]["DisplayMessage"].startswith("Exit Code: 1")
    assert events["Not Restarting"]["FailsTask"] is True
    assert [item["ID"] for item in nomad.running(job["ID"])] == [before["ID"]]


def test_auto_revert_brings_the_stable_version_back_as_a_new_one(nomad: World) -> None:
    job = job_spec(nomad.name("revert"), Update=update(AutoRevert=True))
    nomad.deployed(job)
    nomad.register(changed(job, fail))
    deployment = nomad.deployment(job["ID"], 1, lambda item: item["Status"] == "failed")
    expected = "Failed due to unhealthy allocations - rolling back to job version 0"
    assert deployment["StatusDescription"] == expected
    nomad.deployment(job["ID"], 2, lambda item: item["Status"] == "successful")
    versions = nomad.client.job_versions(job["ID"])
    assert [(item["Version"], item["Stable"]) for item in versions] == [(2, True), (1, False), (0, True)]
    assert versions[0]["TaskGroups"] == versions[2]["TaskGroups"]
    assert [item["JobVersion"] for item in nomad.running(job["ID"])] == [2]


def test_a_first_version_that_fails_has_nothing_to_go_back_to(nomad: World) -> None:
    nomad.register(changed(job_spec(nomad.name("nothing"), Update=update(AutoRevert=True)), fail))
    deployment = nomad.deployment(nomad.jobs[-1], 0, lambda item: item["Status"] == "failed")
    expected = "Failed due to unhealthy allocations - no stable job version to auto revert to"
    assert deployment["StatusDescription"] == expected


def test_failing_a_deployment_by_hand_reverts_too(nomad: World) -> None:
    job, newer = canaried(nomad, "byhand", AutoRevert=True)
    nomad.register(newer)
    deployment = nomad.deployment(job["ID"], 1, lambda item: group(item)["HealthyAllocs"] == 1)
    answer = nomad.client.fail_deployment(deployment["ID"])
    assert answer["RevertedJobVersion"] == 0
    failed = nomad.client.deployment(deployment["ID"])
    assert failed["Status"] == "failed"
    assert failed["StatusDescription"] == "Deployment marked as failed - rolling back to job version 0"
    assert nomad.client.job(job["ID"])["Version"] == 2
    with pytest.raises(ApiError, match="can't fail terminal deployment"):
        nomad.client.fail_deployment(deployment["ID"])
    assert len(nomad.running(job["ID"])) == 1


def test_failing_without_auto_revert_stops_the_canary_only(nomad: World) -> None:
    job, newer = canaried(nomad, "stay")
    nomad.register(newer)
    deployment = nomad.deployment(job["ID"], 1, lambda item: group(item)["HealthyAllocs"] == 1)
    assert nomad.client.fail_deployment(deployment["ID"])["RevertedJobVersion"] is None
    assert [item["JobVersion"] for item in nomad.running(job["ID"])] == [0]
    assert nomad.client.deployment(deployment["ID"])["StatusDescription"] == "Deployment marked as failed"
    # The newer version is still the job's.
    assert nomad.client.job(job["ID"])["Version"] == 1


def test_auto_promote_promotes_healthy_canaries(nomad: World) -> None:
    job, newer = canaried(nomad, "auto", AutoPromote=True)
    nomad.register(newer)
    waiting = nomad.deployment(job["ID"], 1, lambda _: True)
    assert waiting["Status"] == "successful" or waiting["StatusDescription"].startswith("Deployment is running")
    done = nomad.deployment(job["ID"], 1, lambda item: item["Status"] == "successful")
    assert group(done)["Promoted"] is True
    assert [item["JobVersion"] for item in nomad.running(job["ID"])] == [1]


def test_the_progress_deadline_fails_a_deployment_that_does_not_get_on(nomad: World) -> None:
    """With attempts left, one unhealthy allocation is not the end; the deadline is."""
    timers = update(MinHealthyTime=2 * SECOND, HealthyDeadline=2500 * MS, ProgressDeadline=3 * SECOND)
    job = job_spec(
        nomad.name("deadline"),
        Update=timers,
        RestartPolicy={"Attempts": 0, "Mode": "fail"},
        ReschedulePolicy={"Unlimited": True, "Delay": 5 * SECOND, "DelayFunction": "constant", "MaxDelay": 0},
        Tasks=[failing_task()],
    )
    nomad.register(job)
    deployment = nomad.deployment(job["ID"], 0, lambda item: item["Status"] == "failed")
    assert deployment["StatusDescription"] == "Failed due to progress deadline"


def test_healthy_canaries_outlive_the_progress_deadline(nomad: World) -> None:
    timers: Json = {"HealthyDeadline": 2 * SECOND, "ProgressDeadline": 2200 * MS}
    job = job_spec(nomad.name("patient"), Update=update(**timers))
    nomad.healthy(job)
    newer = with_env(changed(job, lambda item: item["Update"].update(Canary=1)), "2")
    nomad.register(newer)
    nomad.deployment(job["ID"], 1, lambda item: group(item)["HealthyAllocs"] == 1)
    # The deadline counts from the canary's health; it is over within this time.
    with pytest.raises(AssertionError, match="never became as expected"):
        nomad.deployment(job["ID"], 1, lambda item: item["Status"] != "running", seconds=2.5)


def test_a_paused_deployment_waits(nomad: World) -> None:
    job = job_spec(nomad.name("pause"), Count=2, Update=update(MinHealthyTime=600 * MS))
    nomad.healthy(job)
    nomad.register(with_env(job, "2"))
    deployment = nomad.deployment(job["ID"], 1, lambda item: group(item)["PlacedAllocs"] == 1)
    nomad.client.pause_deployment(deployment["ID"], True)
    paused = nomad.deployment(job["ID"], 1, lambda item: group(item)["HealthyAllocs"] == 1)
    assert (paused["Status"], paused["StatusDescription"]) == ("paused", "Deployment is paused")
    assert sorted(item["JobVersion"] for item in nomad.running(job["ID"], 2)) == [0, 1]
    answer = nomad.client.pause_deployment(deployment["ID"], False)
    assert answer["EvalID"] != ""
    nomad.deployment(job["ID"], 1, lambda item: item["Status"] == "successful")
    with pytest.raises(ApiError, match="can't pause terminal deployment"):
        nomad.client.pause_deployment(deployment["ID"], True)
    with pytest.raises(ApiError, match="can't resume terminal deployment"):
        nomad.client.pause_deployment(deployment["ID"], False)


def test_a_rolling_update_replaces_max_parallel_at_a_time(nomad: World) -> None:
    job = job_spec(nomad.name("rolling"), Count=3, Update=update(MaxParallel=2))
    nomad.healthy(job)
    nomad.register(with_env(job, "2"))
    first = nomad.deployment(job["ID"], 1, lambda item: group(item)["PlacedAllocs"] >= 2)
    assert group(first)["DesiredTotal"] == 3
    done = nomad.deployment(job["ID"], 1, lambda item: item["Status"] == "successful")
    assert (group(done)["PlacedAllocs"], group(done)["HealthyAllocs"]) == (3, 3)
    allocs = {item["ID"]: item for item in nomad.client.allocations_for_job(job["ID"])}
    new = [item for item in allocs.values() if item["JobVersion"] == 1]
    assert sorted(item["Name"] for item in new) == [f"{job['ID']}.api[{number}]" for number in range(3)]
    whole = [nomad.client.allocation(item["ID"]) for item in new]
    replaced = [allocs[item["PreviousAllocation"]] for item in whole]
    assert {item["DesiredDescription"] for item in replaced} == {"alloc is being updated due to job update"}
    assert {item["NextAllocation"] for item in replaced} == {item["ID"] for item in new}
    # The last of the three waited until the first two were healthy.
    assert len({item["CreateIndex"] for item in new}) == 2


def test_an_in_place_update_keeps_the_allocation_and_makes_a_deployment(nomad: World) -> None:
    service = {"Name": "web", "Provider": "nomad", "PortLabel": "http", "Tags": ["a"]}
    job = job_spec(
        nomad.name("inplace"), Services=[service], Networks=[{"DynamicPorts": [{"Label": "http"}]}],
        Update=update(Canary=1),
    )  # fmt: skip
    nomad.healthy(job)
    (before,) = nomad.running(job["ID"])
    newer = changed(job, lambda item: item["Services"][0].update(Tags=["b"]))
    nomad.register(newer)
    done = nomad.deployment(job["ID"], 1, lambda item: item["Status"] == "successful")
    assert (group(done)["DesiredCanaries"], group(done)["DesiredTotal"]) == (0, 1)
    (after,) = nomad.running(job["ID"])
    assert (after["ID"], after["JobVersion"]) == (before["ID"], 1)
    assert nomad.client.allocation(after["ID"])["DeploymentID"] == done["ID"]


def test_only_the_changed_group_is_replaced(nomad: World) -> None:
    job = job_spec(nomad.name("groups"))
    job["TaskGroups"].append(copy.deepcopy({**job["TaskGroups"][0], "Name": "data"}))
    nomad.healthy(job)
    before = {item["TaskGroup"]: item["ID"] for item in nomad.running(job["ID"], 2)}
    nomad.register(with_env(job, "2"))
    done = nomad.deployment(job["ID"], 1, lambda item: item["Status"] == "successful")
    after = {item["TaskGroup"]: item["ID"] for item in nomad.running(job["ID"], 2)}
    assert after["data"] == before["data"]
    assert after["api"] != before["api"]
    assert set(done["TaskGroups"]) == {"api", "data"}


def test_a_changed_count_needs_no_canary(nomad: World) -> None:
    job = job_spec(nomad.name("scale"), Update=update(Canary=1))
    nomad.healthy(job)
    (before,) = nomad.running(job["ID"])
    nomad.register(changed(job, lambda item: item.update(Count=2)))
    done = nomad.deployment(job["ID"], 1, lambda item: item["Status"] == "successful")
    assert group(done)["DesiredCanaries"] == 0
    assert before["ID"] in {item["ID"] for item in nomad.running(job["ID"], 2)}


def test_a_task_that_fails_once_is_restarted(nomad: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The restart policy's attempts come first; health is decided after them."""
    if nomad.kind == "simulator":
        nomad.arm({"kind": "task_fails", "job": "restarted-*", "times": 1, "after": 0.05})
    marker = tmp_path_factory.mktemp("once") / "marker"
    script = f"if [ -e {marker} ]; then exec sleep 600; else touch {marker}; exit 1; fi"
    job = job_spec(
        nomad.name("restarted"),
        RestartPolicy={"Attempts": 2, "Delay": 100 * MS, "Interval": 60 * SECOND, "Mode": "fail"},
        Tasks=[task(Config={"command": "/bin/sh", "args": ["-c", script]})],
    )
    nomad.healthy(job)
    (alloc,) = nomad.running(job["ID"])
    state = alloc["TaskStates"]["main"]
    assert (state["Restarts"], state["State"], state["Failed"]) == (1, "running", False)
    kinds = [event["Type"] for event in state["Events"]]
    assert kinds[-3:] == ["Terminated", "Restarting", "Started"]


def test_a_failed_allocation_is_rescheduled(nomad: World) -> None:
    job = job_spec(
        nomad.name("moved"),
        Update={"MaxParallel": 0},
        ReschedulePolicy={
            "Attempts": 3, "Interval": 3600 * SECOND, "Delay": 5 * SECOND, "DelayFunction": "constant",
            "Unlimited": False,
        },
        Tasks=[failing_task()],
    )  # fmt: skip
    nomad.register(job)
    allocs = nomad.allocs(job["ID"], lambda body: len(body) >= 2)
    by_age = sorted(allocs, key=lambda item: item["CreateIndex"])
    assert by_age[0]["ClientStatus"] == "failed"
    assert by_age[0]["NextAllocation"] == by_age[1]["ID"]
    (event,) = by_age[1]["RescheduleTracker"]["Events"]
    assert (event["PrevAllocID"], event["Delay"]) == (by_age[0]["ID"], 5 * SECOND)
