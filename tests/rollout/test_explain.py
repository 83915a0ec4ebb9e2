from __future__ import annotations

from typing import Any

from pryv_nomad.rollout.explain import culprits, failing_checks, lines


def allocation(name: str, created: int, state: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {
        "ID": name,
        "TaskGroup": "api",
        "NodeName": "n1",
        "CreateIndex": created,
        "TaskStates": {"core": state},
        **values,
    }


FAILED = {
    "Failed": True,
    "Events": [
        {"Type": "Received", "DisplayMessage": "Task received by client"},
        {"Type": "Started", "DisplayMessage": "Task started by client"},
        {"Type": "Terminated", "DisplayMessage": "Exit Code: 3"},
        {"Type": "Not Restarting", "DisplayMessage": "Policy allows no restarts"},
    ],
}
RUNNING = {"State": "running", "Failed": False, "Restarts": 0, "Events": [{"Type": "Started"}]}


def test_a_failed_task_is_found_with_its_last_events_and_not_what_every_task_goes_through() -> None:
    (found,) = culprits([allocation("a1", 1, FAILED)])
    assert found.events == ("Terminated: Exit Code: 3", "Not Restarting: Policy allows no restarts")


def test_failed_tasks_come_before_those_that_merely_are_not_healthy() -> None:
    found = culprits([allocation("fine", 2, RUNNING), allocation("bad", 1, FAILED)])
    assert [each.allocation for each in found] == ["bad"]


def test_where_no_task_failed_the_unhealthy_ones_are_shown() -> None:
    healthy = allocation("well", 3, RUNNING, DeploymentStatus={"Healthy": True})
    found = culprits([healthy, allocation("ill", 2, RUNNING, DeploymentStatus={"Healthy": False})])
    assert [each.allocation for each in found] == ["ill"]


def test_only_the_version_that_failed_is_looked_at() -> None:
    old, new = allocation("old", 1, FAILED, JobVersion=1), allocation("new", 2, FAILED, JobVersion=2)
    assert [each.allocation for each in culprits([old, new], 2)] == ["new"]


def test_a_restarted_task_counts_as_failed() -> None:
    assert culprits([allocation("a", 1, {**RUNNING, "Restarts": 2})])[0].failed


def test_checks_of_the_allocation_are_found_by_its_id() -> None:
    checks = [
        {"Name": "core_api", "ServiceID": "_nomad-task-a1b2-group-api", "Output": "connection refused\n"},
        {"Name": "other", "ServiceID": "_nomad-task-ffff-group-api", "Output": "no"},
    ]
    assert failing_checks(checks, "a1b2") == ("check core_api: connection refused",)


def test_what_is_printed_names_the_task_its_node_and_the_end_of_its_log() -> None:
    (found,) = culprits([allocation("0123456789ab", 1, FAILED)])
    assert lines(found, ["first", "last"], "stderr", ["check x: down"]) == (
        "api/core (allocation 01234567 on n1)",
        "  Terminated: Exit Code: 3",
        "  Not Restarting: Policy allows no restarts",
        "  check x: down",
        "  last lines of stderr:",
        "    first",
        "    last",
    )
