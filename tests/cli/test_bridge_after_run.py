"""From a run to the bridge: both on the simulator, Nomad's face and Consul's, by the command line alone."""

from __future__ import annotations

import json

from tests.rollout.conftest import lab, running
from tests.rollout.platform import Platform

# The simulator's clock runs 200 times as fast as ours, and a session's TTL with it.
LONG = ("--lock-delay", "0", "--ttl", "86400", "--wait", "20")

__all__ = ["lab", "running"]


def look(platform: Platform) -> dict:
    """One look of the bridge; what it said."""
    result = platform.pn("bridge", "--once", *LONG)
    assert result.code == 0, result.out + result.err
    return json.loads(result.out.splitlines()[0])


def test_the_bridge_takes_over_what_a_run_registered_and_then_is_quiet(running: Platform) -> None:
    first = look(running)
    assert first["sentence"].startswith("2 cores listed; recorded: co1, co2; ")
    assert look(running)["sentence"] == "2 cores listed; nothing to do"
    entries = {each["ServiceMeta"]["core"]: each for each in running.consul.catalog_service("pryv-core")}
    assert entries["co1"]["ServiceTags"] == ["co1", "ch", "1.9.2", "active"]
    assert entries["co1"]["ServicePort"] == 443
    assert running.run().code == 0
    assert look(running)["sentence"] == "2 cores listed; nothing to do"


def test_the_bridge_without_a_cluster_file_finds_all_it_needs_in_consul(running: Platform) -> None:
    running.file.unlink()
    result = running.pn("bridge", "--once", "--domain", "pryv.example", *LONG)
    assert result.code == 0, result.err
    assert "2 cores listed" in result.out


def test_a_core_of_a_run_that_is_not_healthy_yet_joins(lab: Platform) -> None:
    lab.run("--only", "pryv-redis")
    said = look(lab)
    assert said["sentence"].startswith("0 cores listed, 2 joining (co1, co2)")
    entries = lab.consul.get("/v1/health/service/pryv-core").body
    assert {check["Output"] for entry in entries for check in entry["Checks"]} == {
        "joining; nginx: no allocation in Nomad"
    }
