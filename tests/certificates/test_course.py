"""The course of an order as a table: what is seen, and what is done about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.certificates.course import Action, Decision, Limits, Observation, Order, State, decide

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
WANTED = frozenset({"a", "b"})
PLACED = State(placed=True)
PUBLISHED = State(placed=True, published=True)
ANSWERED = State(placed=True, published=True, answered=True)
FINALISED = State(placed=True, published=True, answered=True, finalised=True)


def pending(**servers: frozenset[str] | None) -> Observation:
    return Observation(Order("pending"), WANTED, servers)


@pytest.mark.parametrize(
    ("state", "seen", "action"),
    [
        (State(), Observation(), Action.PLACE),
        (PLACED, pending(), Action.PUBLISH),
        (PUBLISHED, pending(), Action.WAIT),
        (PUBLISHED, pending(registry=None), Action.WAIT),
        (PUBLISHED, pending(registry=WANTED, replica=frozenset({"a"})), Action.WAIT),
        (PUBLISHED, pending(registry=WANTED, replica=WANTED | {"older"}), Action.ANSWER),
        (ANSWERED, Observation(Order("pending")), Action.WAIT),
        (PLACED, Observation(Order("ready")), Action.FINALISE),
        (ANSWERED, Observation(Order("ready")), Action.FINALISE),
        (FINALISED, Observation(Order("ready")), Action.WAIT),
        (FINALISED, Observation(Order("processing")), Action.WAIT),
        (FINALISED, Observation(Order("valid")), Action.STORE),
        (ANSWERED, Observation(Order("invalid", ("pryv.example: no",))), Action.END),
        (State(placed=True, stored=True), Observation(), Action.END),
    ],
)
def test_the_next_step_follows_from_what_is_seen(state: State, seen: Observation, action: Action) -> None:
    assert decide(state, seen, NOW).action is action


def test_a_refusal_is_said_in_the_server_s_words() -> None:
    refused = decide(ANSWERED, Observation(Order("invalid", ("pryv.example: no TXT record",))), NOW)
    assert refused.failure == "the ACME server refused: pryv.example: no TXT record"
    assert refused.remedy


def test_a_refusal_without_words_names_the_order_s_status() -> None:
    assert decide(ANSWERED, Observation(Order("deactivated")), NOW).failure.endswith("the order is deactivated")


def test_who_is_waited_for_is_said() -> None:
    seen = Observation(
        Order("pending"), WANTED, {"registry": frozenset({"a"}), "replica": None}, {"replica": "no answer"}
    )
    assert decide(PUBLISHED, seen, NOW).sentence == "waiting for registry (1 of 2 values), replica (no answer)"


@pytest.mark.parametrize(
    ("state", "seen", "limit", "said"),
    [
        (PUBLISHED, pending(registry=None), Limits().names, "not every name server answered"),
        (ANSWERED, Observation(Order("pending")), Limits().validation, "did not look at the domain"),
        (FINALISED, Observation(Order("processing")), Limits().issuance, "did not issue the certificate"),
    ],
)
def test_every_wait_has_an_end(state: State, seen: Observation, limit: timedelta, said: str) -> None:
    first = decide(state, seen, NOW)
    assert first.state.since == NOW
    assert decide(first.state, seen, NOW + limit - timedelta(seconds=1)).action is Action.WAIT

    last = decide(first.state, seen, NOW + limit)

    assert last.action is Action.END
    assert said in last.failure
    assert f"within {limit.total_seconds():.0f} s" in last.failure


def test_a_wait_that_is_over_does_not_shorten_the_next() -> None:
    waiting = decide(PUBLISHED, pending(registry=None), NOW).state
    answered = decide(waiting, pending(registry=WANTED), NOW + timedelta(minutes=9))
    assert answered.state.since is None


statuses = st.sampled_from(["pending", "ready", "processing", "valid", "invalid"])
answers = st.dictionaries(
    st.sampled_from(["registry", "replica"]), st.none() | st.frozensets(st.sampled_from(["a", "b"])), max_size=2
)
moments = st.tuples(statuses, st.frozensets(st.sampled_from(["a", "b"])), answers, st.integers(1, 120))


@given(st.lists(moments, min_size=1, max_size=60))
def test_whatever_is_seen_the_acme_server_looks_only_after_all_name_servers_have_the_record(
    course: list[tuple[str, frozenset[str], dict[str, frozenset[str] | None], int]],
) -> None:
    state, now, done = State(), NOW, []
    for status, wanted, servers, later in course:
        now += timedelta(seconds=later)
        seen = Observation(Order(status), wanted, servers) if state.placed else Observation()
        decision = decide(state, seen, now)
        if decision.action is Action.END:
            break
        if decision.action is Action.ANSWER:
            assert servers
            assert all(values is not None and wanted <= values for values in servers.values())
            assert state.published
        done.append(decision)
        state = decision.state
    once = [decision.action for decision in done if decision.action is not Action.WAIT]
    assert len(once) == len(set(once))
    assert _order_is_kept(done)


def _order_is_kept(done: list[Decision]) -> bool:
    order = [Action.PLACE, Action.PUBLISH, Action.ANSWER, Action.FINALISE, Action.STORE]
    places = [order.index(decision.action) for decision in done if decision.action is not Action.WAIT]
    return places == sorted(places)


@given(statuses, answers)
def test_a_course_that_sees_nothing_new_ends(status: str, servers: dict[str, frozenset[str] | None]) -> None:
    state, now = State(), NOW
    for _ in range(2000):
        decision = decide(state, Observation(Order(status), WANTED, servers), now)
        if decision.action is Action.END:
            return
        state, now = decision.state, now + timedelta(seconds=decision.pause)
    raise AssertionError("it goes on for ever")
