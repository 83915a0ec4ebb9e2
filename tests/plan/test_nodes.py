from __future__ import annotations

from typing import Any

import pytest

from pryv_nomad.plan.client_config import snippet
from pryv_nomad.plan.needs import needs_of
from pryv_nomad.plan.nodes import Lack, lacking, meets

Json = dict[str, Any]


def node(**values: Any) -> Json:
    return {
        "ID": "n1",
        "Name": "node1",
        "Datacenter": "dc1",
        "NodeClass": "core",
        "Status": "ready",
        "SchedulingEligibility": "eligible",
        "Attributes": {"driver.docker.volumes.enabled": "1", "consul.version": "1.14.11"},
        "Meta": {"pryv_core": "co1"},
        "HostVolumes": {"pryv-mongodb-data": {"ReadOnly": False}},
        "HostNetworks": {"private": {}},
        "Drivers": {"docker": {"Detected": True, "Healthy": True}},
        "NodeResources": {"Cpu": {"CpuShares": 4000}, "Memory": {"MemoryMB": 8000}},
        "ReservedResources": {"Cpu": {"CpuShares": 500}, "Memory": {"MemoryMB": 0}},
        **values,
    }


def job(**values: Any) -> Json:
    return {
        "ID": "pryv-data-co1",
        "Datacenters": ["dc1"],
        "Constraints": [{"LTarget": "${meta.pryv_core}", "Operand": "=", "RTarget": "co1"}],
        "TaskGroups": [
            {
                "Name": "mongodb",
                "Count": 1,
                "Volumes": {"data": {"Type": "host", "Source": "pryv-mongodb-data"}},
                "Networks": [{"DynamicPorts": [{"Label": "db", "HostNetwork": "private"}]}],
                "Tasks": [
                    {
                        "Name": "mongodb",
                        "Driver": "docker",
                        "Config": {"mount": [{"type": "bind", "source": "/dev/log", "target": "/dev/log"}]},
                        "Resources": {"CPU": 1000, "MemoryMB": 2000},
                    }
                ],
            }
        ],
        **values,
    }


def lacks(*nodes: Json, jobs: list[Json] | None = None) -> tuple[Lack, ...]:
    return lacking(needs_of([("co1", each) for each in jobs or [job()]]), nodes)


def said(*nodes: Json, jobs: list[Json] | None = None) -> list[str]:
    return [problem.text for lack in lacks(*nodes, jobs=jobs) for problem in lack.problems]


def test_a_node_that_has_everything_lacks_nothing() -> None:
    assert lacks(node()) == ()


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"HostVolumes": {}}, "lacks the host volume 'pryv-mongodb-data'"),
        ({"HostVolumes": None}, "lacks the host volume 'pryv-mongodb-data'"),
        (
            {"HostVolumes": {"pryv-mongodb-data": {"ReadOnly": True}}},
            "the host volume 'pryv-mongodb-data' is read-only",
        ),
        ({"HostNetworks": None}, "lacks the host network 'private'"),
        ({"Drivers": {}}, "lacks the driver 'docker'"),
        ({"Drivers": {"docker": {"Detected": True, "Healthy": False}}}, "lacks the driver 'docker'"),
        ({"Attributes": {}}, "its docker driver does not allow mounts (volumes.enabled)"),
        (
            {"NodeResources": {"Cpu": {"CpuShares": 1400}, "Memory": {"MemoryMB": 8000}}},
            "has 900 MHz, 1000 MHz are needed",
        ),
        (
            {"NodeResources": {"Cpu": {"CpuShares": 4000}, "Memory": {"MemoryMB": 1}}},
            "has 1 MB of memory, 2000 MB are needed",
        ),
        ({"Meta": {}}, "no node in datacenter dc1 has meta.pryv_core = co1"),
        ({"Datacenter": "dc2"}, "no ready node in datacenter dc1"),
        ({"Status": "down"}, "no ready node in datacenter dc1"),
        ({"SchedulingEligibility": "ineligible"}, "no ready node in datacenter dc1"),
    ],
)
def test_what_a_node_lacks_is_named(values: Json, problem: str) -> None:
    assert problem in said(node(**values))


def test_the_needs_of_a_cores_jobs_add_up_on_its_one_machine() -> None:
    second = job(ID="pryv-core-co1")
    second["TaskGroups"][0]["Count"] = 2
    (need,) = needs_of([("co1", job()), ("co1", second)])
    assert (need.cpu, need.memory, need.jobs) == (3000, 6000, ("pryv-data-co1", "pryv-core-co1"))


def test_groups_that_ask_for_different_attributes_share_the_machine_all_the_same() -> None:
    both = job()
    both["TaskGroups"].append(
        {
            **both["TaskGroups"][0],
            "Constraints": [{"LTarget": "${attr.consul.version}", "Operand": "semver", "RTarget": ">= 1"}],
        }
    )
    (need,) = needs_of([("co1", both)])
    assert need.cpu == 2000


def test_relative_mounts_need_no_permission() -> None:
    relative = job()
    relative["TaskGroups"][0]["Tasks"][0]["Config"] = {"mount": [{"type": "bind", "source": "local/conf"}]}
    assert said(node(Attributes={}), jobs=[relative]) == []


def test_the_machine_that_comes_closest_is_the_one_named() -> None:
    (lack,) = lacks(node(Name="far", HostVolumes={}, HostNetworks={}), node(Name="near", HostNetworks={}))
    assert lack.node == "near"


def test_the_snippet_of_a_known_machine_has_only_what_it_lacks() -> None:
    (lack,) = lacks(node(HostNetworks={}))
    assert 'host_network "private"' in snippet(lack)
    assert "host_volume" not in snippet(lack)
    assert "meta" not in snippet(lack)


def test_the_snippet_of_an_unknown_machine_has_all_of_it() -> None:
    (lack,) = lacks(node(Meta={}))
    for part in (
        'pryv_core = "co1"',
        'host_network "private"',
        'host_volume "pryv-mongodb-data"',
        "volumes { enabled = true }",
    ):
        assert part in snippet(lack)


def test_configuration_does_not_make_a_machine_larger() -> None:
    (lack,) = lacks(node(NodeResources={"Cpu": {"CpuShares": 600}, "Memory": {"MemoryMB": 8000}}))
    assert snippet(lack) == ""


@pytest.mark.parametrize(
    ("constraint", "met"),
    [
        (("${meta.pryv_core}", "=", "co1"), True),
        (("${meta.pryv_core}", "is", "co2"), False),
        (("${meta.none}", "!=", "x"), True),
        (("${meta.none}", "is_set", ""), False),
        (("${node.class}", "regexp", "^co"), True),
        (("${node.unique.name}", "==", "node1"), True),
        (("${meta.pryv_core}", "set_contains", "co1"), True),
        (("${meta.pryv_core}", "set_contains_any", "co1,co2"), True),
        (("${attr.consul.version}", "semver", ">= 1.7.0"), True),
        (("", "distinct_hosts", "true"), True),
    ],
)
def test_constraints_are_judged_as_nomad_does(constraint: tuple[str, str, str], met: bool) -> None:
    assert meets(node(), constraint) is met
