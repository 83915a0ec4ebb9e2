"""How a gate counts: tables, and the promises that hold whatever comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.gates.counting import Rules, Tally, due, judge
from pryv_nomad.gates.measuring import Measurement, Outcome, bad, good, silent, wait
from pryv_nomad.rollout.gating import Verdict

RULES = Rules(interval_s=10, count=2, failure_limit=3, timeout_s=100)


def played(measurements: list[Measurement], rules: Rules = RULES, step: float = 10) -> list[Verdict]:
    """The verdicts after each measurement, `step` seconds apart."""
    tally, verdicts = Tally(), []
    for number, each in enumerate(measurements):
        tally = judge(tally, each, rules, number * step)
        verdicts.append(tally.verdict)
    return verdicts


P, W, F = Verdict.PASS, Verdict.WAIT, Verdict.FAIL


@pytest.mark.parametrize(
    ("measurements", "verdicts"),
    [
        ([good("a"), good("a")], [W, P]),
        ([good("a"), bad("b"), good("a"), good("a")], [W, W, W, P]),
        ([good("a"), wait("b"), good("a"), good("a")], [W, W, W, P]),
        ([bad("b"), bad("b"), bad("b")], [W, W, F]),
        ([bad("b"), silent("down"), bad("b")], [W, W, F]),
        ([silent("down"), silent("down"), good("a"), silent("down"), good("a"), good("a")], [W, W, W, W, W, P]),
        ([bad("b"), bad("b"), bad("b"), good("a"), good("a")], [W, W, F, F, F]),
        ([good("a"), good("a"), bad("b"), good("a"), good("a")], [W, P, W, W, P]),
    ],
)
def test_counts_in_a_row(measurements: list[Measurement], verdicts: list[Verdict]) -> None:
    assert played(measurements) == verdicts


def test_waiting_ends_at_the_time_limit() -> None:
    verdicts = played([wait("few requests")] * 12)
    assert verdicts == [W] * 10 + [F] * 2


def test_a_person_has_no_time_limit() -> None:
    assert played([wait("a person")] * 50, Rules(0, 1, 3, 0), step=3600) == [W] * 50


def test_time_alone_ends_it_too_and_says_what_was_last_seen() -> None:
    tally = judge(Tally(), wait("3 requests"), RULES, 0)
    tally = judge(tally, None, RULES, 101)
    assert tally.verdict is F
    assert tally.reason == "did not pass within 100 s; last: 3 requests"


def test_is_asked_at_its_interval() -> None:
    tally = Tally()
    assert due(tally, RULES, 5)
    tally = judge(tally, good("a"), RULES, 5)
    assert not due(tally, RULES, 14)
    assert due(tally, RULES, 15)


OUTCOMES = st.sampled_from(list(Outcome))
TIMES = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)
ALL_RULES = st.builds(
    Rules,
    interval_s=st.floats(0, 100),
    count=st.integers(1, 5),
    failure_limit=st.integers(1, 5),
    timeout_s=st.sampled_from([0.0, 1.0, 60.0, 600.0]),
)


@given(st.lists(st.tuples(st.sampled_from([Outcome.SILENT, Outcome.BAD, Outcome.WAIT]), TIMES)), ALL_RULES)
def test_without_good_measurements_nothing_passes(history: list[tuple[Outcome, float]], rules: Rules) -> None:
    tally = Tally()
    for outcome, now in history:
        tally = judge(tally, Measurement(outcome, "x"), rules, now)
        assert tally.verdict is not Verdict.PASS


@given(st.lists(TIMES, min_size=5, max_size=30), ALL_RULES)
def test_an_unreachable_source_fails_after_its_limit(times: list[float], rules: Rules) -> None:
    tally = Tally()
    for now in times:
        tally = judge(tally, silent("down"), rules, now)
    assert tally.verdict is Verdict.FAIL
    assert "down" in tally.reason


@given(st.lists(st.tuples(OUTCOMES, TIMES), max_size=30), ALL_RULES)
def test_it_passes_only_with_enough_good_ones_in_a_row(history: list[tuple[Outcome, float]], rules: Rules) -> None:
    tally, row = Tally(), 0
    for outcome, now in history:
        tally = judge(tally, Measurement(outcome, "x"), rules, now)
        row = row + 1 if outcome is Outcome.GOOD else 0
        if tally.verdict is Verdict.PASS:
            assert row >= rules.count


@given(st.lists(st.tuples(OUTCOMES, TIMES), max_size=30), ALL_RULES)
def test_what_failed_stays_failed(history: list[tuple[Outcome, float]], rules: Rules) -> None:
    tally = Tally()
    for outcome, now in history:
        before = tally
        tally = judge(tally, Measurement(outcome, "x"), rules, now)
        if before.verdict is Verdict.FAIL:
            assert tally == before


@given(st.lists(st.tuples(OUTCOMES, st.floats(0, 50)), max_size=30), st.integers(0, 29), st.floats(1, 1e6), ALL_RULES)
def test_a_clock_that_goes_back_once_changes_no_verdict(
    history: list[tuple[Outcome, float]], place: int, jump: float, rules: Rules
) -> None:
    """The same measurements at the same distances, but for one step of the clock backwards: never more waited."""
    straight, bent, now, shift = Tally(), Tally(), 0.0, 0.0
    for number, (outcome, passed) in enumerate(history):
        now += passed
        shift = jump if number >= place else 0.0
        straight = judge(straight, Measurement(outcome, "x"), rules, now)
        bent = judge(bent, Measurement(outcome, "x"), rules, now - shift)
        assert bent.waited <= straight.waited + 1e-6
        assert bent.good == straight.good or straight.verdict is Verdict.FAIL
        if bent.verdict is Verdict.FAIL and bent.bad < rules.failure_limit:
            assert straight.verdict is Verdict.FAIL


def test_a_clock_that_went_back_does_not_keep_it_from_being_asked() -> None:
    tally = judge(Tally(), good("a"), RULES, 1_000_000)
    tally = judge(tally, None, RULES, 0)
    assert not due(tally, RULES, 9)
    assert due(tally, RULES, 10)
