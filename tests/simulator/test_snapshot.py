"""A snapshot is the whole simulator: what happens after it is what would have happened without it."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from pryv_nomad.simulator import Simulator
from pryv_nomad.simulator.errors import Refusal
from pryv_nomad.simulator.faults import TaskFails
from pryv_nomad.simulator.snapshot import load, restored, save, snapshot
from simulator.specs import SECOND, cluster, deployed, deployment, job, live, register, update, with_image
from simulator.test_determinism import STEPS, _step


def through_json(simulator: Simulator) -> Simulator:
    return restored(json.loads(json.dumps(snapshot(simulator))))


def seen(simulator: Simulator) -> Any:
    """All that the APIs show of jobs, allocations, deployments, evaluations and nodes."""
    state = simulator.state
    tables = (state.jobs, state.allocs, state.deployments, state.evals)
    shown = [[item.to_json() for item in table.values()] for table in tables]
    nodes = [(n.name, n.status, n.eligibility, n.cpu_used, sorted(n.ports.items())) for n in state.nodes.values()]
    return [state.index, state.now, shown, nodes]


@given(STEPS, STEPS)
@settings(max_examples=40)
def test_life_goes_on_as_if_nothing_had_been(before: list[tuple[Any, ...]], after: list[tuple[Any, ...]]) -> None:
    original = cluster(seed=3)
    for step in before:
        _step(original, step)
    copy = through_json(original)
    assert seen(copy) == seen(original)
    for step in after:
        _step(original, step)
        _step(copy, step)
    original.advance(300)
    copy.advance(300)
    assert seen(copy) == seen(original)


def test_a_canary_can_be_promoted_after_a_restart(tmp_path: Path) -> None:
    simulator = cluster()
    spec = job(Update=update(Canary=1))
    deployed(simulator, spec)
    register(simulator, with_image(spec, "core:2"))
    simulator.advance(10)
    path = tmp_path / "state.json"
    save(simulator, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = load(path)
    again.deployments.promote(deployment(again), None)
    assert again.run_until(lambda: deployment(again).status == "successful", 60)
    assert [alloc.job.version for alloc in live(again)] == [1]


def test_faults_variables_keys_and_sessions_come_back() -> None:
    simulator = cluster()
    simulator.inject(TaskFails(times=2))
    simulator.variables.write("default", "nomad/jobs", {"KEY": "x"}, 0)
    session = simulator.consul.create_session({"TTL": "30s"})
    simulator.consul.put("lock", b"\x00\xff", acquire=session)
    simulator.consul.put("gone", b"1")
    simulator.consul.delete("gone")
    registration = {"Node": "co1", "Address": "198.51.100.1", "Service": {"Service": "pryv-core", "Tags": ["ch"]}}
    simulator.consul.register(registration)
    copy = through_json(simulator)
    assert copy.faults.faults == simulator.faults.faults
    assert copy.variables.read("default", "nomad/jobs") == simulator.variables.read("default", "nomad/jobs")
    assert [entry.to_json() for entry in copy.consul.kv.under("")] == [
        entry.to_json() for entry in simulator.consul.kv.under("")
    ]
    assert copy.consul.kv.index_under("gone") == simulator.consul.kv.index_under("gone") > 0
    assert copy.consul.catalog.names() == simulator.consul.catalog.names()
    assert copy.consul.sessions[session].to_json() == simulator.consul.sessions[session].to_json()
    copy.advance(61)
    assert copy.consul.sessions == {}
    assert copy.now - simulator.now == 61 * SECOND


def test_another_format_is_refused() -> None:
    with pytest.raises(Refusal, match="a snapshot of format 99"):
        restored({"format": 99})
