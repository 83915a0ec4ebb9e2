"""How a core's status follows from what Nomad and Consul's checks say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pryv_nomad.bridge.observed import NomadView, Observed, core_of, newest, observe
from tests.bridge.small_nomad import stubs

HEALTHY = NomadView(stubs("co1"), addresses={"node-co1": "192.0.2.1"})


def failing(service: str, *tags: str) -> dict[str, object]:
    return {"ServiceName": service, "ServiceTags": list(tags), "Status": "critical"}


@pytest.mark.parametrize(
    ("job", "found"),
    [
        ("pryv-edge-co1", ("pryv-edge", "co1")),
        ("pryv-core-eu-co1", ("pryv-core", "eu-co1")),
        ("pryv-edge", ("pryv-edge", "")),
        ("pryv-registry-edge", ("", "")),
        ("pryv-data-co1", ("", "")),
        ("pryv-edges", ("", "")),
    ],
)
def test_a_core_is_told_by_the_name_of_its_job(job, found) -> None:
    assert core_of(job) == found


def test_a_core_whose_edge_and_api_run_passes() -> None:
    seen = observe(["co1"], HEALTHY)["co1"]
    assert seen == Observed("co1", "passing", "nginx and the API run on node-co1", "192.0.2.1")


@pytest.mark.parametrize(
    ("allocations", "why"),
    [
        ([], "nginx: no allocation in Nomad"),
        (stubs("co1")[1:], "nginx: no allocation in Nomad"),
        (stubs("co1")[:1], "the API: no allocation in Nomad"),
        (stubs("co1", status="pending"), "nginx: the allocation on node-co1 is pending"),
        (stubs("co1", status="failed"), "nginx: the allocation on node-co1 is failed"),
        (stubs("co1", status="unknown"), "nginx: the allocation on node-co1 is unknown"),
        (stubs("co1", healthy=None), "nginx: runs, not found healthy yet"),
        (stubs("co1", healthy=False), "nginx: runs, but its deployment found it unhealthy"),
    ],
)
def test_what_does_not_run_is_critical_and_says_why(allocations, why) -> None:
    seen = observe(["co1"], replace(HEALTHY, allocations=allocations))["co1"]
    assert (seen.status, seen.why) == ("critical", why)


def test_a_failing_check_of_what_it_needs_is_critical_and_of_a_helper_a_warning() -> None:
    needed = replace(HEALTHY, failing=(failing("pryv-nats", "co1"), failing("pryv-hfs", "co1")))
    assert observe(["co1"], needed)["co1"].why == "pryv-nats: check fails"
    helper = replace(HEALTHY, failing=(failing("pryv-hfs", "co1"), failing("pryv-edge", "co2")))
    seen = observe(["co1"], helper)["co1"]
    assert (seen.status, seen.why) == ("warning", "serves, but pryv-hfs: check fails")


def test_our_own_check_says_nothing_about_the_core() -> None:
    own = replace(HEALTHY, failing=(failing("pryv-core", "co1"),))
    assert observe(["co1"], own)["co1"].passing


def test_the_newest_allocation_counts_and_a_live_one_before_one_that_ended() -> None:
    old, new = stubs("co1", node="old", age=1), stubs("co1", node="new", age=2)
    assert newest([*new, *old])["pryv-edge", "co1"]["NodeID"] == "new"
    lost = stubs("co1", node="newest", status="lost", age=3)
    assert newest([*lost, *new])["pryv-edge", "co1"]["NodeID"] == "new"


def test_a_canary_and_what_should_stop_do_not_count() -> None:
    canary = stubs("co1", age=5)[1] | {"DeploymentStatus": {"Healthy": False, "Canary": True}}
    stopping = stubs("co1", age=6)[1] | {"DesiredStatus": "stop"}
    assert observe(["co1"], replace(HEALTHY, allocations=[*stubs("co1"), canary, stopping]))["co1"].passing


def test_other_groups_of_the_core_do_not_count() -> None:
    workers = stubs("co1", age=9)[1] | {"TaskGroup": "workers", "ClientStatus": "failed"}
    assert observe(["co1"], replace(HEALTHY, allocations=[*stubs("co1"), workers]))["co1"].passing


def test_on_a_single_machine_the_shared_edge_counts_for_each_core() -> None:
    edge = stubs("co1")[0] | {"JobID": "pryv-edge"}
    view = replace(HEALTHY, allocations=[edge, stubs("co1")[1]])
    assert observe(["co1"], view)["co1"].passing
