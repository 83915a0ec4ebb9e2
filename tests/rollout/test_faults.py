"""What goes wrong in the middle of a rollout, each fault with what must hold. In one process, on virtual time."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import requests

from pryv_nomad.errors import Conflict, Unauthorized, Unhealthy, Unreachable
from pryv_nomad.plan.intent import Policy
from pryv_nomad.rollout.lock import Held
from pryv_nomad.rollout.state import Status
from pryv_nomad.simulator.faults import LeaderLost, NeverHealthy, NodeLost, TaskFails
from pryv_nomad.simulator.http.routing import Reply
from tests.rollout.world import World


@pytest.fixture(autouse=True)
def _long_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pryv_nomad.rollout.lock.TTL_S", 86_400)


@pytest.fixture
def running() -> World:
    world = World(3)
    world.process().run(world.specs(), replace(world.intent, policy=Policy(8, 30.0)))
    return world


@pytest.fixture
def undisturbed(running: World) -> dict[str, object]:
    world = running.copy()
    world.process().run(world.specs("core:2"))
    return dict(world.end_state())


def serving(world: World, core: str) -> bool:
    """Whether the old version of a core serves. (Its health is decided anew when Nomad goes back to it in place.)"""
    return any(
        alloc.status == "running" and alloc.desired == "run" and "core:1" in json.dumps(alloc.job.spec)
        for alloc in world.simulator.state.allocs.values()
        if alloc.job.id == f"pryv-core-{core}"
    )


@pytest.mark.parametrize(
    "fault", [TaskFails(image="core:2"), NeverHealthy(image="core:2")], ids=["does not start", "never healthy"]
)
def test_a_bad_image_stops_at_its_canary_and_every_core_serves_all_the_time(
    running: World, fault: TaskFails | NeverHealthy
) -> None:
    running.simulator.inject(fault)
    process = running.process()
    outages: list[str] = []
    process.requests.interfere = lambda _number: outages.extend(
        core for core in running.names if not serving(running, core)
    )
    with pytest.raises(Unhealthy, match="pryv-core-co1"):
        process.run(running.specs("core:2"))
    running.driver.skip(120)
    assert outages == []
    assert all(serving(running, core) for core in running.names)
    assert running.head().status is Status.FAILED
    assert [job for _, job in process.kinds("registered")] == ["pryv-core-co1"]


def test_a_node_that_is_lost_during_its_wave_fails_its_core_and_begins_nothing_more(running: World) -> None:
    process = running.process()
    lost: list[bool] = []

    def lose(_number: int) -> None:
        if not lost and ("registered", "pryv-core-co2") in process.kinds("registered"):
            lost.append(True)
            running.simulator.inject(NodeLost("co2"))

    process.requests.interfere = lose
    with pytest.raises(Unhealthy, match="pryv-core-co2"):
        process.run(running.specs("core:2"))
    assert [job for _, job in process.kinds("registered")] == ["pryv-core-co1", "pryv-core-co2"]


def test_a_leader_that_is_lost_is_waited_for(running: World, undisturbed: dict[str, object]) -> None:
    running.simulator.inject(LeaderLost(seconds=30, after=3))
    process = running.process()
    process.run(running.specs("core:2"))
    assert process.kinds("warning")
    assert running.end_state() == undisturbed


@pytest.mark.parametrize("begin", [30, 40, 50, 60])
def test_a_consul_that_is_gone_in_the_middle_is_waited_for(
    running: World, undisturbed: dict[str, object], begin: int
) -> None:
    process = running.process()
    away: list[int] = []

    def refuse(name: str, number: int) -> Reply | None:
        if name == "consul" and number >= begin and len(away) < 12:
            away.append(number)
            raise requests.ConnectionError("connection refused")
        return None

    process.requests.refuse = refuse
    process.run(running.specs("core:2"))
    assert len(away) == 12
    assert running.end_state() == undisturbed


def test_a_consul_that_stays_away_ends_the_driver_before_it_acts_and_another_goes_on(
    running: World, undisturbed: dict[str, object]
) -> None:
    process = running.process()

    def refuse(name: str, number: int) -> Reply | None:
        if name == "consul" and number >= 35:
            raise requests.ConnectionError("connection refused")
        return None

    process.requests.refuse = refuse
    with pytest.raises(Unreachable):
        process.run(running.specs("core:2"))
    running.bury()
    running.process(name="ben").resume()
    assert running.end_state() == undisturbed


def test_a_token_that_expires_ends_the_driver_and_another_token_goes_on(
    running: World, undisturbed: dict[str, object]
) -> None:
    process = running.process()
    process.requests.refuse = lambda name, number: (
        Reply(b"ACL token expired", status=403, content_type="text/plain") if name == "nomad" and number > 45 else None
    )
    with pytest.raises(Unauthorized):
        process.run(running.specs("core:2"))
    assert running.head().status is Status.RUNNING
    running.process().resume()
    assert running.end_state() == undisturbed


def test_somebody_elses_change_of_a_job_is_refused_and_not_overwritten(running: World) -> None:
    process, other = running.process(), running.process().nomad
    done: list[bool] = []

    def meddle(_number: int) -> None:
        if not done and process.kinds("registered"):
            done.append(True)
            job = other.job("pryv-core-co3")
            job["Priority"] = 77
            other.register(job, enforce_index=job["JobModifyIndex"])

    process.requests.interfere = meddle
    with pytest.raises(Conflict):
        process.run(running.specs("core:2"))
    found = other.job("pryv-core-co3")
    assert found["Priority"] == 77
    assert "core:1" in json.dumps(found)
    assert running.head().status is Status.FAILED


@pytest.mark.parametrize("moment", range(25, 75, 5))
def test_a_driver_that_lost_its_lock_writes_nothing_more(
    running: World, undisturbed: dict[str, object], moment: int
) -> None:
    first = running.process()
    taken: list[bool] = []

    def take(number: int) -> None:
        if number >= moment and not taken and running.head().id == "2":
            taken.append(True)
            running.bury()
            running.process(name="ben").resume()

    first.requests.interfere = take
    with pytest.raises(Held, match="somebody else drives rollout 2"):
        first.run(running.specs("core:2"))
    assert running.end_state() == undisturbed


def test_a_lock_that_consul_let_go_while_nobody_came_is_taken_again(
    running: World, undisturbed: dict[str, object]
) -> None:
    process = running.process()
    process.requests.interfere = lambda number: running.bury() if number in (30, 50) else None
    process.run(running.specs("core:2"))
    assert running.end_state() == undisturbed
