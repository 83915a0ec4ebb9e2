"""The record of a rollout: what is written comes back, and nothing nears Consul's limits."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.clients.consul import LONGEST_TRANSACTION
from pryv_nomad.errors import Conflict
from pryv_nomad.plan.change import Action, Plan
from pryv_nomad.plan.intent import Intent, Member, Platform, Policy
from pryv_nomad.rollout.gating import GateReading, Verdict
from pryv_nomad.rollout.head import Entry, Head, intent_in, intent_out, step_out, wishes_in, wishes_out
from pryv_nomad.rollout.lock import Card, Lock
from pryv_nomad.rollout.record import Keeper, Rollouts
from pryv_nomad.rollout.records import Records
from pryv_nomad.rollout.revisions import Kept, Revision, Revisions
from pryv_nomad.rollout.state import Phase, State, Status, Step, Wishes
from tests.plan.made import change, core_changes
from tests.rollout.world import DOMAIN, Requests, World

LARGEST_VALUE = 512 * 1024
texts = st.text(max_size=40)


@given(
    st.builds(
        Head,
        id=texts,
        status=st.sampled_from(Status),
        release_from=st.lists(texts, max_size=3).map(tuple),
        halted=texts,
        clock=st.floats(0, 1e6),
        called=st.lists(texts, max_size=3).map(tuple),
        awaits=st.lists(texts, max_size=3).map(tuple),
        readings=st.lists(
            st.builds(GateReading, texts, texts, st.sampled_from(Verdict), texts, st.none() | st.floats(0, 9)),
            max_size=2,
        ).map(tuple),
    )
)
def test_a_head_reads_back_as_it_was_written(head: Head) -> None:
    assert Head.from_text(head.to_text()) == head


@given(
    st.builds(
        Step,
        change=st.just(replace(change("pryv-core-co1", Action.UPDATE, "co1", "ch"), spec="")),
        stage=st.integers(0, 40),
        phase=st.sampled_from(Phase),
        index=st.integers(0, 9999),
        evaluation=texts,
        since=st.integers(0, 9999).map(float),
        progress=texts,
        explained=st.booleans(),
        wave=st.integers(0, 9),
        held=st.integers(-1, 99).map(float),
        doomed=texts,
        kept=st.booleans(),
    ),
    st.booleans(),
)
def test_an_entry_reads_back_as_it_was_written(step: Step, enlisted: bool) -> None:
    assert Entry.of(step_out(step, 7, "name", enlisted)) == Entry(7, step, "name", enlisted)


@given(st.booleans(), st.frozensets(texts, max_size=4), texts)
def test_wishes_read_back_as_they_were_written(paused: bool, promoted: frozenset[str], aborted: str) -> None:
    assert wishes_in(wishes_out(Wishes(paused, promoted, aborted))) == Wishes(paused, promoted, aborted)


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"version": 2}', b'{"version": 1}', b"\xff"])
def test_a_head_of_another_version_or_none_is_refused(text: bytes) -> None:
    with pytest.raises(Conflict):
        Head.from_text(text)


def fleet(cores: int) -> tuple[Intent, Plan]:
    members = tuple(Member(f"co{number}", f"h{number % 5}", "198.51.100.1") for number in range(cores))
    policy = Policy(64, 600.0, strategy="canary", waves=("1", "10%", "100%"), gates=({"type": "http"},))
    intent = Intent(Platform(DOMAIN, "global", "default"), "1.9.2", members=members, policy=policy)
    changes = [each for member in members for each in core_changes(member.name, Action.UPDATE, member.hosting)]
    return intent, Plan(intent, "0", tuple(replace(each, spec="") for each in changes))


def test_an_intent_reads_back_as_it_was_written() -> None:
    intent, _ = fleet(20)
    assert intent_in(intent_out(intent)) == intent


def test_the_record_of_5000_cores_is_within_consuls_limits_and_reads_back() -> None:
    world = World(1)
    sizes: list[int] = []
    through = Requests()
    _, consul = world.clients(through)
    intent, plan = fleet(5_000)
    state = State.of(plan)
    rollouts, records = Rollouts(consul, DOMAIN), Records(consul, DOMAIN)
    lock = Lock(consul, DOMAIN, Card("anna", "host", ""))
    lock.take()
    send = consul.txn

    def txn(operations: list[dict[str, object]]) -> list[dict[str, object]]:
        sizes.append(len(json.dumps(operations)))
        assert len(operations) <= LONGEST_TRANSACTION
        return send(operations)

    consul.txn = txn  # type: ignore[method-assign, assignment]
    keeper = Keeper(rollouts, lock, records)
    keeper.create(Head("", release="1.9.2"), intent, state, dict.fromkeys(state.jobs, "f" * 64))
    assert max(sizes) < LARGEST_VALUE
    assert all(len(entry.value) < LARGEST_VALUE for entry in world.simulator.consul.kv.entries.values())
    loaded = rollouts.load("1")
    assert loaded.state.jobs == state.jobs
    assert loaded.state.layout == state.layout
    assert loaded.intent == intent


def test_a_revision_of_5000_cores_is_within_consuls_limits_and_reads_back() -> None:
    world = World(1)
    _, consul = world.clients(Requests())
    intent, plan = fleet(5_000)
    jobs = {
        each.job_id: Kept("a" * 64, f"{number:064d}", each.owner, each.kind) for number, each in enumerate(plan.changes)
    }
    revisions = Revisions(consul, DOMAIN)
    number = revisions.add(Revision(0, "1.9.2", "now", "anna", "1", jobs, intent), consul.txn)
    assert all(len(entry.value) < LARGEST_VALUE for entry in world.simulator.consul.kv.entries.values())
    found = revisions.read(number)
    assert (found.jobs, found.intent) == (jobs, intent)
    assert revisions.add(Revision(0, "1.9.2", "later", "ben", "2", jobs, intent), consul.txn) == number
