"""What is seen of moving jobs, from the simulator over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.clients.options import NomadOptions
from pryv_nomad.plan.change import Action
from pryv_nomad.rollout.state import Phase, Step
from pryv_nomad.rollout.watch import SETTLING_WAIT_S, Watch
from pryv_nomad.simulator import NodeSpec, Simulator
from pryv_nomad.simulator.http import Serving, serve
from tests.plan.made import change


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    simulator = Simulator(seed=1)
    simulator.add_node(NodeSpec("n1", address="10.0.0.1", cpu=1000))
    with serve(simulator, speed=100) as made:
        yield made


@pytest.fixture
def nomad(serving: Serving) -> Nomad:
    return Nomad(NomadOptions(address=serving.nomad_address, namespace="default"))


def job(cpu: int) -> dict[str, Any]:
    return {
        "ID": "pryv-redis",
        "Name": "pryv-redis",
        "Type": "service",
        "Datacenters": ["dc1"],
        "Update": {"MaxParallel": 1, "HealthCheck": "task_states", "MinHealthyTime": 1_000_000_000},
        "TaskGroups": [
            {
                "Name": "redis",
                "Count": 1,
                "Tasks": [{"Name": "redis", "Driver": "docker", "Config": {"image": "r"}, "Resources": {"CPU": cpu}}],
            }
        ],
    }


def registered(nomad: Nomad, cpu: int) -> Step:
    answer = nomad.register(json.dumps(job(cpu)), enforce_index=0)
    index = nomad.job("pryv-redis")["JobModifyIndex"]
    made = change("pryv-redis", kind="redis")
    return Step(made, 0, Phase.MOVING, index=index, evaluation=answer["EvalID"])


def test_a_job_that_finds_a_node_is_seen_through_its_deployment(nomad: Nomad) -> None:
    step, watch = registered(nomad, 100), Watch(nomad, lambda _: None)
    for _ in range(50):
        sight = watch.look([step])["pryv-redis"]
        if sight.rollout and sight.rollout.status == "successful":
            break
        watch.wait([step])
    assert sight.evaluation == "complete"
    assert sight.rollout is not None
    assert (sight.rollout.ready, sight.rollout.desired) == (1, 1)


def test_a_job_without_room_is_seen_as_unplaced_until_there_is(nomad: Nomad, serving: Serving) -> None:
    step, watch = registered(nomad, 5000), Watch(nomad, lambda _: None)
    for _ in range(50):
        sight = watch.look([step])["pryv-redis"]
        if sight.unplaced:
            break
        watch.wait([step])
    assert sight.unplaced == {"redis": ("1 node without enough: cpu",)}
    serving.driver.call(lambda simulator: simulator.add_node(NodeSpec("n2", address="10.0.0.2", cpu=8000)))
    for _ in range(50):
        sight = watch.look([step])["pryv-redis"]
        if not sight.unplaced:
            break
        watch.wait([step])
    assert sight.unplaced == {}


def test_a_stopping_job_is_watched_by_its_allocations(nomad: Nomad) -> None:
    registered(nomad, 100)
    nomad.stop("pryv-redis")
    step = Step(change("pryv-redis", Action.STOP, kind="redis"), 20, Phase.MOVING)
    waited: list[float] = []
    watch = Watch(nomad, waited.append)
    for _ in range(200):
        if watch.look([step])["pryv-redis"].running == 0:
            break
        watch.wait([step])
    assert watch.look([step])["pryv-redis"].running == 0
    assert set(waited) <= {SETTLING_WAIT_S}


def test_a_job_that_makes_no_evaluation_has_nothing_to_wait_for(nomad: Nomad) -> None:
    step = Step(change("pryv-certificate", kind="certificate"), 13, Phase.MOVING, index=5)
    assert Watch(nomad).look([step])["pryv-certificate"].evaluation == "complete"
