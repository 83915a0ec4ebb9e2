"""`status`, from the command line."""

from __future__ import annotations

import json

from pryv_nomad.simulator.faults import NeverHealthy
from tests.rollout.conftest import lab, running
from tests.rollout.platform import Platform

__all__ = ["lab", "running"]


def test_before_the_first_run_everything_is_missing(lab: Platform) -> None:
    result = lab.pn("status")
    assert result.code == 0
    assert result.out.count("missing") == 11
    assert "11 jobs not well" in result.out


def test_a_running_platform_is_well(running: Platform) -> None:
    result = running.pn("status")
    assert "11 jobs, all well" in result.out
    line = next(line for line in result.out.splitlines() if line.startswith("pryv-registry "))
    assert line.split() == ["pryv-registry", "register", "2/2", "2", "running", "0", "successful"]


def test_json_names_the_groups_and_what_differs(running: Platform) -> None:
    result = running.pn(
        "--set", "images.overrides.redis=pryvio/redis:1.9.1", "status", "--json", "--only", "pryv-redis"
    )
    body = json.loads(result.out)
    assert (body["format"], body["version"], body["well"]) == ("pryv-nomad/status", 1, True)
    (job,) = body["jobs"]
    assert job["differs"] == "spec differs"
    assert job["groups"] == [{"name": "redis", "desired": 1, "running": 1, "healthy": 1, "critical": 0}]


def test_a_job_that_somebody_else_changed_differs(running: Platform) -> None:
    job = running.nomad.job("pryv-dns")
    job["Priority"] = 77
    running.nomad.register(job, enforce_index=job["JobModifyIndex"])
    assert "changed by somebody else" in running.pn("status").out


def test_a_job_that_left_the_model_is_shown_as_such(running: Platform) -> None:
    result = running.pn("--set", "registry.dns.enabled=false", "status", "--only", "pryv-dns")
    assert "not in the model" in result.out


def test_a_failed_deployment_is_not_well(lab: Platform) -> None:
    lab.simulator.inject(NeverHealthy(job="pryv-redis"))
    assert lab.pn("run", "--yes", "--only", "pryv-redis").code == 10
    result = lab.pn("status", "--only", "pryv-redis", "--json")
    (job,) = json.loads(result.out)["jobs"]
    assert (job["deployment"], job["well"]) == ("failed", False)


def test_it_works_while_consul_is_away_and_says_what_it_cannot_know(running: Platform) -> None:
    result = running.pn("status", CONSUL_HTTP_ADDR="http://127.0.0.1:9")
    assert result.code == 0
    assert "note: Consul could not be read" in result.out
    assert "all well" in result.out
    body = json.loads(running.pn("status", "--json", CONSUL_HTTP_ADDR="http://127.0.0.1:9").out)
    assert {job["differs"] for job in body["jobs"]} == {"?"}
