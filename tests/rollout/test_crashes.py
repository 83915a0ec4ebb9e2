"""Invariant 5: a driver that dies at any instant; whoever resumes ends in the same state, and deploys nothing twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pryv_nomad.errors import NotFound
from pryv_nomad.rollout.lock import Held
from pryv_nomad.rollout.state import Status
from tests.rollout.world import Crash, World


@pytest.fixture(scope="module", autouse=True)
def _long_sessions() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pryv_nomad.rollout.lock.TTL_S", 86_400)
        yield


@pytest.fixture(scope="module")
def running() -> World:
    """Three cores that run version 1."""
    world = World(3)
    world.process().run(world.specs())
    return world


@pytest.fixture(scope="module")
def undisturbed(running: World) -> tuple[dict[str, object], int]:
    """How a change of redis and all cores ends, and how many requests it takes."""
    world = running.copy()
    process = world.process()
    process.run(world.specs("core:2", "redis:2"))
    return dict(world.end_state()), process.requests.made


def go_on(world: World, die_at: int = 0, after: bool = False) -> None:
    """Resume what was begun; where nothing was begun yet, run."""
    process = world.process(die_at, after, "ben")
    try:
        begun = world.head().kind == "run" and world.head().id == "2"
    except NotFound:
        begun = False
    if not begun:
        process.run(world.specs("core:2", "redis:2"))
    elif world.head().status.open:
        process.resume()


def test_an_undisturbed_change_takes_this_many_requests(undisturbed: tuple[dict[str, object], int]) -> None:
    state, requests = undisturbed
    assert state["pending"] == []
    assert 60 < requests < 400


def disturbed(running: World, die_at: int, after: bool, again: tuple[int, bool] = (0, False)) -> World:
    world = running.copy()
    try:
        world.process(die_at, after).run(world.specs("core:2", "redis:2"))
    except Crash:
        world.bury()
    if again[0]:
        try:
            go_on(world, *again)
        except Crash:
            world.bury()
    go_on(world)
    return world


@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_driver_that_dies_at_any_request_changes_nothing_in_the_end(
    running: World, undisturbed: tuple[dict[str, object], int], part: int, after: bool
) -> None:
    expected, requests = undisturbed
    for die_at in range(1 + part, requests + 1, 4):
        world = disturbed(running, die_at, after)
        assert world.end_state() == expected, f"died {'after' if after else 'before'} request {die_at}"
        assert world.head().status is Status.DONE


@settings(max_examples=40)
@given(first=st.integers(1, 150), second=st.integers(1, 100), after=st.tuples(st.booleans(), st.booleans()))
def test_two_deaths_change_nothing_either(
    running: World,
    undisturbed: tuple[dict[str, object], int],
    first: int,
    second: int,
    after: tuple[bool, bool],
) -> None:
    world = disturbed(running, first, after[0], (second, after[1]))
    assert world.end_state() == undisturbed[0]


def test_a_second_driver_is_told_who_drives(running: World) -> None:
    world = running.copy()
    with pytest.raises(Crash):
        world.process(60).run(world.specs("core:2"))
    with pytest.raises(Held, match="anna@host drives rollout 2"):
        world.process(name="ben").resume()
