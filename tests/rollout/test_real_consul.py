"""Rollouts whose record lies in a real Consul, where its program is there; Nomad is the simulator's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pryv_nomad.plan.intent import Policy
from pryv_nomad.rollout.lock import Held
from pryv_nomad.rollout.record import Rollouts
from pryv_nomad.rollout.records import Records
from pryv_nomad.rollout.revisions import Revisions
from pryv_nomad.rollout.state import Status
from tests.consul_server import ConsulServer, consul_binary
from tests.rollout.test_course import undo
from tests.rollout.world import DOMAIN, Crash, Requests, World

BINARY = consul_binary()
pytestmark = pytest.mark.skipif(BINARY is None, reason="no consul on PATH or in tools/bin")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsulServer]:
    made = ConsulServer(str(BINARY), tmp_path_factory.mktemp("consul"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def world(server: ConsulServer) -> Iterator[World]:
    """Two cores that run version 1."""
    made = World(2, consul=server.options)
    made.process().run(made.specs(), replace(made.intent, policy=Policy(8, 30.0)))
    yield made
    with server.client() as consul:
        for key, _, _ in consul.kv_list(""):
            consul.kv_delete(key)


def test_a_release_and_its_undo(world: World) -> None:
    process = world.process()
    before = Records(process.consul, DOMAIN).read()
    process.run(world.specs("core:2"))
    head = Rollouts(process.consul, DOMAIN).head()
    assert (head.status, head.passed, head.revision_to) == (Status.DONE, 2, 2)
    undo(world)
    after = Records(process.consul, DOMAIN).read()
    assert {job: record.hash for job, record in after.items()} == {job: record.hash for job, record in before.items()}
    assert Revisions(process.consul, DOMAIN).numbers() == [1, 2, 3]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_driver_that_loses_nomad_for_ever_is_followed_by_another(world: World, after: bool) -> None:
    with pytest.raises(Crash):
        world.process(die_at=14, after=after).run(world.specs("core:2"))
    process = world.process(name="ben")
    process.resume(patience_s=5.0)
    assert world.head().status is Status.DONE
    plan, _ = process.plan(world.specs("core:2"))
    assert plan.empty


def test_a_driver_whose_lock_went_to_another_writes_nothing_more(world: World) -> None:
    first = world.process()
    taken: list[bool] = []

    def take(number: int) -> None:
        if number >= 14 and not taken:
            taken.append(True)
            consul = world.clients(Requests())[1]
            for session in consul.get("/v1/session/list").body:
                consul.session_destroy(session["ID"])
            world.process(name="ben").resume(patience_s=5.0)

    first.requests.interfere = take
    with pytest.raises(Held):
        first.run(world.specs("core:2"))
    assert world.head().status is Status.DONE
