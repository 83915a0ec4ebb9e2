"""Which cores change in which wave."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.plan.intent import Policy
from pryv_nomad.rollout.waves import spread, waves

Cores = list[tuple[str, str]]


def cores(number: int, hostings: int = 1) -> Cores:
    return [(f"co{place}", f"h{place % hostings}") for place in range(1, number + 1)]


def policy(*sizes: str, strategy: str = "canary", first: str = "") -> Policy:
    return Policy(strategy=strategy, waves=sizes, first=first)


fleets = st.builds(cores, st.integers(1, 60), st.integers(1, 4))
policies = st.builds(
    Policy,
    strategy=st.sampled_from(["canary", "rolling", "all-at-once"]),
    waves=st.one_of(
        st.just(("hosting",)),
        st.lists(st.one_of(st.integers(1, 70).map(str), st.integers(1, 100).map("{}%".format)), max_size=5).map(tuple),
    ),
    first=st.sampled_from(["", "co1", "co7", "nobody"]),
)


@given(fleets, policies, st.booleans())
def test_every_core_is_in_exactly_one_wave_and_no_wave_is_empty(fleet: Cores, how: Policy, alone: bool) -> None:
    found = waves(fleet, how, alone=alone)
    assert sorted(core for wave in found for core in wave) == sorted(name for name, _ in fleet)
    assert all(found)


@given(fleets, policies)
def test_a_release_that_migrates_begins_with_one_core(fleet: Cores, how: Policy) -> None:
    assert len(waves(fleet, how, alone=True)[0]) == 1


@given(fleets, st.integers(1, 100))
def test_the_beginning_of_the_order_has_its_share_of_every_hosting(fleet: Cores, percent: int) -> None:
    begun = spread(fleet)[: math.ceil(len(fleet) * percent / 100)]
    for hosting in {hosting for _, hosting in fleet}:
        total = [name for name, at in fleet if at == hosting]
        assert abs(len(set(begun) & set(total)) - len(total) * len(begun) / len(fleet)) <= len(dict(fleet).values())


@pytest.mark.parametrize(
    ("number", "how", "sizes"),
    [
        (100, policy("1", "10%", "50%", "100%"), [1, 9, 40, 50]),
        (2, policy("1", "10%", "50%", "100%"), [1, 1]),
        (1, policy("1", "10%", "50%", "100%"), [1]),
        (25, policy("10%", "50%"), [3, 10, 12]),
        (5, policy("2", "1"), [2, 3]),
        (5, policy("1", "100%", strategy="rolling"), [5]),
        (5, policy("1", "100%", strategy="all-at-once"), [5]),
        (5, policy("40%", first="co4"), [1, 1, 3]),
    ],
)
def test_the_sizes_count_the_cores_that_are_changed_by_the_end_of_a_wave(
    number: int, how: Policy, sizes: list[int]
) -> None:
    found = waves(cores(number), how)
    assert [len(wave) for wave in found] == sizes
    assert not how.first or found[0] == (how.first,)


def test_one_hosting_after_the_other() -> None:
    assert waves(cores(4, 2), policy("hosting")) == (("co1", "co3"), ("co2", "co4"))
    assert waves(cores(4, 2), policy("hosting", first="co2")) == (("co2",), ("co1", "co3"), ("co4",))
