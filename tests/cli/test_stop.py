"""`stop`, from the command line."""

from __future__ import annotations

import json

from tests.rollout.conftest import lab, running
from tests.rollout.platform import Platform

__all__ = ["lab", "running"]


def stopped(lab: Platform) -> set[str]:
    return {stub["ID"] for stub in lab.nomad.list_jobs() if stub["Stop"]}


def test_without_a_terminal_it_needs_yes_and_names_what_it_would_stop(running: Platform) -> None:
    result = running.pn("stop")
    assert result.code == 6
    assert "- pryv-core-co1" in result.out
    assert stopped(running) == set()


def test_edges_stop_first_and_data_last(running: Platform) -> None:
    result = running.pn("stop", "--yes", "--json")
    assert result.code == 0, result.err
    told = [json.loads(line) for line in result.out.splitlines()]
    order = [event["job"] for event in told if event["kind"] == "stopping"]
    for core in ("co1", "co2"):
        own = [job for job in order if job.endswith(core)]
        assert own == [f"pryv-edge-{core}", f"pryv-core-{core}", f"pryv-data-{core}"]
    assert order[-2:] == ["pryv-registry", "pryv-redis"]
    assert len(stopped(running)) == 11


def test_nothing_is_purged_and_the_cores_stay_listed(running: Platform) -> None:
    assert running.pn("stop", "--yes", "--only", "co1").code == 0
    assert stopped(running) == {"pryv-edge-co1", "pryv-core-co1", "pryv-data-co1"}
    assert len(running.consul.catalog_service("pryv-core")) == 2


def test_run_starts_again_what_was_stopped_and_does_not_call_it_drift(running: Platform) -> None:
    assert running.pn("stop", "--yes", "--only", "co1").code == 0
    plan = running.pn("plan")
    assert "3 to start again" in plan.out
    assert "drift" not in plan.out
    running.run()
    assert stopped(running) == set()


def test_stopping_twice_says_that_nothing_runs(running: Platform) -> None:
    assert running.pn("stop", "--yes", "--only", "pryv-dns").code == 0
    result = running.pn("stop", "--yes", "--only", "pryv-dns")
    assert result.code == 0
    assert "Nothing to stop" in result.err
