"""The promises of `reconcile`, for worlds and observations at random (design.md, invariant 3)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pryv_nomad.bridge.actions import Deregister
from pryv_nomad.bridge.entries import node_name
from pryv_nomad.bridge.states import State
from tests.bridge.world import World, desires, instances, observations, records, worlds


@given(worlds(), observations(), st.booleans())
@settings(max_examples=60)
def test_a_second_look_finds_nothing_to_do(world, observed, nomad) -> None:
    world.tick(observed, nomad)
    assert world.decide(observed, nomad).actions == ()


@given(worlds(), observations())
def test_any_catalog_becomes_what_the_records_say(world, observed) -> None:
    members = world.tick(observed).members
    standing = {core for core, member in members.items() if member.state is not State.GONE and member.address}
    assert set(world.catalog) == {(node_name(core), node_name(core)) for core in standing}
    for core in standing:
        entry = world.catalog[node_name(core), node_name(core)].entry
        assert (entry.hosting, entry.address, entry.state) == (
            members[core].hosting,
            members[core].address,
            members[core].state,
        )


@given(worlds(), observations(), st.booleans())
@settings(max_examples=60)
def test_no_listed_core_is_taken_out(world, observed, nomad) -> None:
    """Not one that a store or the catalog lists, unless the newer record says that an operator removed it."""
    removed = {
        core
        for core in {*world.kv, *world.mirror}
        if max(
            (store[core] for store in (world.kv, world.mirror) if core in store), key=lambda record: record.generation
        ).state
        is State.GONE
        or (core in world.kv and world.kv[core].state is State.GONE)
    }
    before = world.listed()
    decision = world.tick(observed, nomad)
    assert before - removed <= world.listed() | removed
    taken = {action.core for action in decision.actions if isinstance(action, Deregister)}
    still = {core for core, member in decision.members.items() if member.state is not State.GONE and member.address}
    assert all(core in removed or core in still for core in taken)


@given(records(), desires(), observations())
def test_each_store_is_refilled_from_the_other(members, desired, observed) -> None:
    world = World(kv=dict(members), mirror=dict(members), generation=3, mirror_generation=3, desired=desired)
    world.tick(observed)
    kept, wanted, catalog = dict(world.kv), world.desired, dict(world.catalog)
    world.wipe_consul()
    world.tick(observed)
    assert (world.kv, world.mirror, world.desired) == (kept, kept, wanted)
    assert set(world.catalog) == set(catalog)
    world.wipe_nomad()
    world.tick(observed)
    assert (world.kv, world.mirror, world.mirror_desired) == (kept, kept, wanted)


@given(records(), records(), observations())
def test_the_newer_record_of_a_core_wins(kv, mirror, observed) -> None:
    world = World(kv=dict(kv), mirror=dict(mirror), generation=1, mirror_generation=1)
    world.tick(observed)
    assert world.kv == world.mirror
    for core, record in world.kv.items():
        ages = [store[core].generation for store in (kv, mirror) if core in store]
        assert record.generation >= max(ages)
        known = [store[core] for store in (kv, mirror) if core in store and store[core].generation == max(ages)]
        assert record == known[0]


steps = st.lists(
    st.tuples(
        st.sampled_from(["look", "look", "blind", "wipe consul", "wipe nomad", "catalog", "stray", "want"]),
        observations(),
        desires(),
        instances(),
    ),
    max_size=12,
)


@given(steps)
def test_what_was_ever_listed_stays_listed_through_any_sequence_of_faults(sequence) -> None:
    """Whatever happens, after the next look with both stores the list holds every core that it ever held."""
    world, ever = World(), set[str]()
    for what, observed, desired, instance in sequence:
        match what:
            case "wipe consul":
                world.wipe_consul()
            case "wipe nomad":
                world.wipe_nomad()
            case "catalog":
                world.catalog = {}
            case "stray":
                world.catalog.setdefault((instance.node, instance.service_id), instance)
            case "want":
                world.desired = desired
        world.tick(observed, nomad=what != "blind")
        if what == "blind":
            continue
        ever |= world.listed()
        assert ever <= world.listed()
        assert (world.generation or 0) >= bool(ever)


@given(steps)
def test_the_count_of_changes_never_goes_back(sequence) -> None:
    world, highest = World(), 0
    for what, observed, desired, _ in sequence:
        world.desired = desired
        if what == "wipe consul":
            world.wipe_consul()
        before = world.listed()
        world.tick(observed)
        assert world.generation is not None
        assert world.generation >= highest
        if world.listed() - before:
            assert world.generation > 0
        highest = world.generation
