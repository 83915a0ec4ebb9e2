"""What is decided in the cases that people ask about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pryv_nomad.bridge.actions import (
    BumpGeneration,
    Deregister,
    MirrorGeneration,
    MirrorMember,
    Register,
    SaveMember,
    UpdateCheck,
)
from pryv_nomad.bridge.desired import Desired, DesiredCore
from pryv_nomad.bridge.entries import CRITICAL, PASSING, WARNING, Entry, Found, node_name
from pryv_nomad.bridge.observed import Observed
from pryv_nomad.bridge.states import Membership, State
from tests.bridge.world import NOW, World, seen, wanting

LATER = "2026-02-02T00:00:00Z"


def at(core: str, state: State = State.ACTIVE, **more) -> Membership:
    return Membership(core, state, "ch", "192.0.2.1", **more)


def standing(*cores: str, state: State = State.ACTIVE) -> World:
    """A world that is at rest with these cores."""
    world = World(desired=wanting(*cores), mirror_desired=wanting(*cores), generation=1, mirror_generation=1)
    for core in cores:
        world.kv[core] = world.mirror[core] = at(core, state)
    world.tick(seen(PASSING, "192.0.2.1", *cores))
    return world


def kinds(actions) -> list[str]:
    return [type(action).__name__ for action in actions]


def test_a_fresh_platform_gets_the_count_zero_and_nothing_else() -> None:
    decision = World().decide({})
    assert decision.actions == (MirrorGeneration(0), BumpGeneration(0))
    assert decision.sentence == "0 cores listed, no cluster file recorded; generation 0"


def test_a_wanted_core_is_recorded_as_joining_and_not_counted() -> None:
    world = World(desired=wanting("co1"), generation=0)
    decision = world.decide(seen(CRITICAL, "192.0.2.1", "co1"))
    assert kinds(decision.actions) == ["SaveMember", "MirrorDesired", "MirrorMember", "MirrorGeneration", "Register"]
    assert decision.members["co1"] == Membership("co1", State.JOINING, "ch", "192.0.2.1", generation=2, since=NOW)
    entry = next(action.entry for action in decision.actions if isinstance(action, Register))
    assert (entry.state, entry.status, entry.output) == (State.JOINING, CRITICAL, "joining; it is critical")


def test_its_first_healthy_check_lists_a_core_and_counts_a_change() -> None:
    world = World(desired=wanting("co1"), generation=0)
    world.tick(seen(CRITICAL, "192.0.2.1", "co1"))
    decision = world.decide(seen(PASSING, "192.0.2.1", "co1"), now=LATER)
    assert decision.members["co1"].state is State.ACTIVE
    assert decision.members["co1"].since == LATER
    assert decision.actions[-1] == BumpGeneration(1)
    assert kinds(decision.actions) == ["SaveMember", "MirrorMember", "MirrorGeneration", "Register", "BumpGeneration"]


@pytest.mark.parametrize("status", [WARNING, CRITICAL])
def test_what_is_not_passing_is_not_listed_for_the_first_time(status) -> None:
    world = World(desired=wanting("co1"))
    assert world.tick(seen(status, "192.0.2.1", "co1")).members["co1"].state is State.JOINING


def test_a_core_without_an_address_is_recorded_and_not_registered() -> None:
    world = World(desired=wanting("co1"))
    decision = world.tick({"co1": Observed("co1", PASSING, "so")})
    assert decision.members["co1"].state is State.JOINING
    assert world.catalog == {}


def test_a_failing_core_gets_a_critical_check_and_stays() -> None:
    world = standing("co1", "co2")
    decision = world.decide({**seen(PASSING, "192.0.2.1", "co1"), **seen(CRITICAL, "192.0.2.1", "co2")})
    assert kinds(decision.actions) == ["UpdateCheck"]
    assert decision.sentence == "2 cores listed, 1 failing (co2); check updated: co2"


def test_of_a_core_that_is_not_seen_nothing_is_said() -> None:
    assert standing("co1").decide({}).actions == ()


def test_a_moved_core_gets_its_new_address_when_it_is_healthy_there() -> None:
    world = standing("co1")
    assert world.decide(seen(CRITICAL, "192.0.2.9", "co1")).members["co1"].address == "192.0.2.1"
    decision = world.decide(seen(PASSING, "192.0.2.9", "co1"))
    assert decision.members["co1"].address == "192.0.2.9"
    assert kinds(decision.actions) == ["SaveMember", "MirrorMember", "MirrorGeneration", "Register", "BumpGeneration"]


def test_the_address_of_the_cluster_file_wins_over_the_nodes() -> None:
    world = standing("co1")
    world.desired = replace(wanting("co1", ip="198.51.100.1"), generation=2)
    assert world.tick(seen(PASSING, "192.0.2.9", "co1")).members["co1"].address == "198.51.100.1"
    assert world.decide(seen(PASSING, "192.0.2.9", "co1")).actions == ()


def test_a_core_that_left_the_cluster_file_stays_and_its_check_says_how_to_remove_it() -> None:
    world = standing("co1", "co2")
    world.desired = replace(wanting("co1"), generation=2)
    decision = world.tick(seen(PASSING, "192.0.2.1", "co1", "co2"))
    assert world.listed() == {"co1", "co2"}
    assert "1 not in the cluster file (co2)" in decision.sentence
    entry = world.catalog["pryv-core-co2", "pryv-core-co2"].entry
    assert entry.output == "it is passing; not in the cluster file any more; `pryv-nomad core remove` would take it out"


def test_a_draining_core_is_listed_with_a_warning() -> None:
    world = standing("co1", state=State.DRAINING)
    entry = world.catalog["pryv-core-co1", "pryv-core-co1"].entry
    assert (entry.state, entry.status) == (State.DRAINING, WARNING)
    assert entry.output.startswith("draining, though release 1.9 goes on giving it new users")
    assert world.listed() == {"co1"}


def test_a_removed_core_leaves_the_catalog_and_is_not_brought_back_by_an_older_store() -> None:
    world = standing("co1", "co2")
    world.kv["co2"] = world.kv["co2"].changed(LATER, state=State.GONE)
    world.desired = replace(wanting("co1"), generation=2)
    decision = world.tick(seen(PASSING, "192.0.2.1", "co1", "co2"))
    assert Deregister("co2", "pryv-core-co2", "pryv-core-co2", True) in decision.actions
    assert world.listed() == {"co1"}
    assert world.mirror["co2"].state is State.GONE
    world.wipe_consul()
    world.tick(seen(PASSING, "192.0.2.1", "co1", "co2"))
    assert world.listed() == {"co1"}


def test_a_removed_core_that_is_wanted_again_joins_again() -> None:
    world = standing("co1")
    world.kv["co1"] = world.kv["co1"].changed(LATER, state=State.GONE)
    world.catalog = {}
    decision = world.tick(seen(CRITICAL, "192.0.2.1", "co1"))
    assert decision.members["co1"].state is State.JOINING
    assert world.tick(seen(PASSING, "192.0.2.1", "co1")).members["co1"].state is State.ACTIVE


def test_what_stands_in_the_catalog_only_is_taken_over() -> None:
    name = node_name("co7")
    world = World(generation=3)
    world.catalog[name, name] = Found(Entry("co7", "ch", "192.0.2.7"), name, name, whole=False)
    decision = world.tick({})
    assert kinds(decision.actions) == ["SaveMember", "MirrorMember", "MirrorGeneration", "Register", "BumpGeneration"]
    assert decision.members["co7"].state is State.ACTIVE
    assert world.generation == 4


def test_a_second_instance_of_a_core_is_taken_out_only_beside_the_right_one() -> None:
    world = standing("co1")
    world.catalog["elsewhere", "by-hand"] = Found(Entry("co1", "us", "192.0.2.8"), "elsewhere", "by-hand")
    decision = world.decide({})
    assert decision.actions == (Deregister("co1", "elsewhere", "by-hand", False),)


def test_an_emptied_consul_is_filled_from_nomad_and_its_count_goes_on() -> None:
    world = standing("co1", "co2")
    world.generation = world.mirror_generation = 7
    world.wipe_consul()
    decision = world.tick({})
    assert world.listed() == {"co1", "co2"}
    assert world.desired == world.mirror_desired
    assert decision.actions[-1] == BumpGeneration(8)
    assert kinds(decision.actions) == [
        "SaveMember",
        "SaveMember",
        "SaveDesired",
        "MirrorGeneration",
        "Register",
        "Register",
        "BumpGeneration",
    ]


def test_without_nomad_an_emptied_consul_is_left_alone() -> None:
    """What the mirror says is not known yet: neither records nor the count that templates wait for are made."""
    world = standing("co1")
    world.wipe_consul()
    world.desired = wanting("co1", "co2")
    assert world.decide(seen(PASSING, "192.0.2.1", "co1", "co2"), nomad=False).actions == ()


def test_a_count_that_went_back_is_brought_forward() -> None:
    world = standing("co1")
    world.generation, world.mirror_generation = 0, 5
    assert world.decide({}).actions == (BumpGeneration(5),)


def test_a_changed_port_and_hosting_of_the_cluster_file_are_followed() -> None:
    world = standing("co1")
    world.desired = Desired("1.9.2", (DesiredCore("co1", "us", port=8443),), generation=2)
    record = world.tick(seen(PASSING, "192.0.2.1", "co1")).members["co1"]
    assert (record.hosting, record.port, record.state) == ("us", 8443, State.ACTIVE)


def test_the_release_is_that_of_the_last_rollout() -> None:
    world = standing("co1")
    observed = {"co1": Observed("co1", PASSING, "it is passing", "192.0.2.1", "1.9.2")}
    assert kinds(world.tick(observed).actions) == ["Register"]
    assert world.catalog["pryv-core-co1", "pryv-core-co1"].entry.release == "1.9.2"
    assert world.decide(seen(PASSING, "192.0.2.1", "co1")).actions == ()


def test_records_are_written_before_the_catalog_and_the_count_last() -> None:
    world = World(desired=wanting("co1", "co2"))
    order = {
        SaveMember: 0,
        MirrorMember: 1,
        MirrorGeneration: 1,
        Register: 2,
        UpdateCheck: 2,
        Deregister: 2,
        BumpGeneration: 3,
    }
    ranks = [
        order[type(action)]
        for action in world.decide(seen(PASSING, "192.0.2.1", "co1")).actions
        if type(action) in order
    ]
    assert ranks == sorted(ranks)
