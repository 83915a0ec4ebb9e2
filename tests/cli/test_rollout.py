"""`rollout`, from the command line against the simulator over HTTP: looking, steering, resuming, going back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from pryv_nomad.simulator.faults import NeverHealthy
from tests.rollout.conftest import lab, running
from tests.rollout.platform import Platform

__all__ = ["lab", "running"]

CORE_CHANGE = ("--set", "images.overrides.core=pryvio/core:1.9.2-1")
MANUAL = ("--set", "rollout.promotion=manual")


def started(platform: Platform, *arguments: str) -> subprocess.Popen[str]:
    """A run in a process of its own, whose lock lives on real time."""
    platform.in_real_time()
    argv = [sys.executable, "-m", "pryv_nomad", "-c", str(platform.file), *arguments]
    environment = {**platform.env, "PYTHONPATH": str(Path.cwd())}
    return subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment, text=True
    )


def until(process: subprocess.Popen[str], kind: str, text: str = "") -> list[dict[str, object]]:
    """The events up to one of a kind."""
    assert process.stdout is not None
    told = []
    for line in process.stdout:
        told.append(json.loads(line))
        if told[-1]["kind"] == kind and text in str(told[-1]["text"]):
            return told
    assert process.stderr is not None
    raise AssertionError(f"never told {kind}: {told} {process.stderr.read()}")


def status(platform: Platform) -> dict[str, object]:
    found: dict[str, object] = json.loads(platform.pn("rollout", "status", "--json").out)
    return found


def test_before_the_first_rollout_there_is_nothing_to_show(lab: Platform) -> None:
    result = lab.pn("rollout", "status")
    assert result.code == 9
    assert "no rollout" in result.err


def test_a_rollout_is_recorded_with_its_waves_and_its_revision(running: Platform) -> None:
    assert running.pn(*CORE_CHANGE, "run", "--yes").code == 0
    found = status(running)
    assert (found["status"], found["waves"], found["passed"], found["revision_to"]) == ("done", 2, 2, 2)
    shown = running.pn("rollout", "status").out
    assert "wave 1 of 2: 1 done" in shown
    listed = running.pn("rollout", "history").out
    assert "rollout    2" in listed
    assert "revision   2" in listed


def test_undo_brings_the_exact_specs_back(running: Platform) -> None:
    before = {key: value["hash"] for key, value in records(running).items()}
    assert running.pn(*CORE_CHANGE, "run", "--yes").code == 0
    assert {key: value["hash"] for key, value in records(running).items()} != before
    result = running.pn("rollout", "undo", "--yes")
    assert result.code == 0, result.err
    assert {key: value["hash"] for key, value in records(running).items()} == before
    assert running.pn("plan").code == 0
    assert status(running)["kind"] == "undo"


def test_undo_goes_further_back_than_nomad_keeps_versions(running: Platform) -> None:
    before = {key: value["hash"] for key, value in records(running).items()}
    for number in range(8):
        change = ("--set", f"images.overrides.core=pryvio/core:1.9.2-{number}")
        assert running.pn(*change, "run", "--yes", "--only", "pryv-core-co1").code == 0
    assert running.pn("rollout", "undo", "--to", "1", "--now", "--yes").code == 0
    assert {key: value["hash"] for key, value in records(running).items()} == before


def test_undo_of_a_failed_rollout_leaves_what_ran_before_it(running: Platform) -> None:
    running.simulator.inject(NeverHealthy(job="pryv-core-co1", image="pryvio/core:1.9.2-1"))
    assert running.pn(*CORE_CHANGE, "run", "--yes").code == 10
    assert running.pn("rollout", "status").code == 10
    assert running.pn("rollout", "undo", "--yes").code == 0
    assert running.pn("plan").code == 0


def test_an_unknown_revision_is_refused_with_those_that_there_are(running: Platform) -> None:
    result = running.pn("rollout", "undo", "--to", "77", "--yes")
    assert result.code == 9
    assert "there are: 1" in result.err


def test_a_person_promotes_from_another_machine(running: Platform) -> None:
    with started(running, *CORE_CHANGE, *MANUAL, "run", "--yes", "--json", "--only", "pryv-core-co1") as process:
        until(process, "progress", "a person promotes")
        assert running.pn("rollout", "promote").code == 0
        until(process, "promoted")
        assert process.stdout is not None
        process.stdout.read()
        assert process.wait(20) == 0


def test_a_paused_rollout_promotes_nothing_and_goes_on_when_asked(running: Platform) -> None:
    with started(running, *CORE_CHANGE, *MANUAL, "run", "--yes", "--json", "--only", "pryv-core-co1") as process:
        until(process, "progress", "a person promotes")
        assert running.pn("rollout", "pause").code == 0
        until(process, "paused")
        assert status(running)["status"] == "paused"
        assert running.pn("rollout", "resume").code == 0
        until(process, "resumed")
        assert running.pn("rollout", "abort", "--yes").code == 0
        assert process.stdout is not None
        process.stdout.read()
        assert process.wait(20) == 10
    assert status(running)["status"] == "aborted"
    # Nomad went back by itself: only our record is to be put right.
    assert "Plan: 1 to record, 10 unchanged" in running.pn("plan").out


def test_a_second_operator_is_told_who_drives(running: Platform) -> None:
    with started(running, *CORE_CHANGE, *MANUAL, "run", "--yes", "--json", "--only", "pryv-core-co1") as process:
        until(process, "progress", "a person promotes")
        result = running.pn(*CORE_CHANGE, "run", "--yes")
        assert result.code == 6
        assert "drives rollout 2" in result.err
        assert running.pn("rollout", "promote").code == 0
        assert process.stdout is not None
        process.stdout.read()
        assert process.wait(20) == 0


def test_a_driver_that_is_killed_is_followed_by_another(running: Platform) -> None:
    with started(running, *CORE_CHANGE, *MANUAL, "run", "--yes", "--json", "--only", "pryv-core-*") as process:
        until(process, "progress", "a person promotes")
        os.kill(process.pid, signal.SIGKILL)
        process.wait(20)
    running.serving.driver.skip(30)
    before = len(running.nomad.deployments())
    with started(running, "rollout", "resume", "--json") as process:
        until(process, "resumed")
        assert len(running.nomad.deployments()) == before
        assert running.pn("rollout", "promote").code == 0
        until(process, "progress", "a person promotes")
        assert running.pn("rollout", "promote").code == 0
        assert process.stdout is not None
        process.stdout.read()
        assert process.wait(20) == 0
    assert len(running.nomad.deployments()) == before + 1
    assert running.pn(*CORE_CHANGE, "plan").code == 0


def test_watch_shows_what_somebody_else_began(running: Platform) -> None:
    assert running.pn(*CORE_CHANGE, "run", "--yes", "--only", "pryv-core-co1").code == 0
    result = running.pn("rollout", "watch")
    assert result.code == 0
    assert "pryv-core-co1: registered" in result.out


def records(platform: Platform) -> dict[str, dict[str, object]]:
    prefix = "pryv-nomad/pryv.example/jobs/"
    return {key.removeprefix(prefix): json.loads(value) for key, value, _ in platform.consul.kv_list(prefix)}
