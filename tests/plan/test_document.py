from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.errors import PlanFileError, StalePlan
from pryv_nomad.plan.answers import Effect, Field, Group
from pryv_nomad.plan.change import Action, Change, Plan
from pryv_nomad.plan.document import checksum, from_text, to_text
from pryv_nomad.plan.observed import Record
from pryv_nomad.plan.stale import check_fresh, check_platform
from tests.plan.made import change, intent, observed

text = st.text(max_size=20)
groups = st.builds(
    Group,
    text,
    st.sampled_from(Effect),
    st.dictionaries(text, st.integers(0, 9), max_size=2).map(lambda counts: tuple(counts.items())),
    st.lists(text, max_size=2).map(tuple),
)
changes = st.builds(
    Change,
    job_id=text,
    owner=text,
    kind=text,
    action=st.sampled_from(Action),
    index=st.integers(0, 2**40),
    hash=text,
    core=text,
    hosting=text,
    record=st.none() | st.tuples(text, st.integers(0, 9)),
    drift=text,
    notes=st.lists(text, max_size=2).map(tuple),
    groups=st.lists(groups, max_size=2).map(tuple),
    fields=st.lists(st.builds(Field, text, text, text, text, text), max_size=2).map(tuple),
    spec=text,
)


@given(st.lists(changes, max_size=3), st.dictionaries(text, st.integers(0, 9), max_size=3))
def test_a_plan_reads_back_as_it_was_written(made: list[Change], unchanged: dict[str, int]) -> None:
    plan = Plan(intent("co1", "co2"), "0.1", tuple(made), unchanged, ("1.9.0",), True, ("w",), ("n",))
    assert from_text(to_text(plan)) == plan


PLAN = Plan(intent("co1"), "0.1", (change("pryv-redis"),), {"pryv-dns": 3})


@given(st.data())
def test_a_changed_character_is_noticed(data: st.DataObject) -> None:
    whole = to_text(PLAN)
    place = data.draw(st.integers(0, len(whole) - 2))
    put = data.draw(st.sampled_from("x0 "))
    damaged = whole[:place] + put + whole[place + 1 :]
    try:
        read = from_text(damaged)
    except PlanFileError:
        return
    assert read == PLAN  # only a space where there was one, or the same character


def test_a_plan_of_another_version_is_refused_before_its_checksum() -> None:
    body = json.loads(to_text(PLAN))
    body["version"] = 2
    with pytest.raises(PlanFileError, match="version 2"):
        from_text(json.dumps(body))


def test_a_plan_that_lacks_a_part_is_refused() -> None:
    body = json.loads(to_text(PLAN))
    del body["changes"], body["checksum"]
    with pytest.raises(PlanFileError, match="changes"):
        from_text(json.dumps({**body, "checksum": checksum(body)}))


@pytest.mark.parametrize("name", ["domain", "region", "namespace"])
def test_another_platform_is_refused(name: str) -> None:
    check_platform(PLAN, PLAN.intent.platform)
    with pytest.raises(PlanFileError, match=name):
        check_platform(PLAN, replace(PLAN.intent.platform, **{name: "other"}))


FRESH = {"pryv-redis": 7, "pryv-dns": 3}


@pytest.mark.parametrize(
    ("stubs", "records", "said"),
    [
        (FRESH, {}, ""),
        ({**FRESH, "pryv-redis": 8}, {}, "pryv-redis has JobModifyIndex 8, not 7"),
        ({**FRESH, "pryv-dns": 4}, {}, "pryv-dns has JobModifyIndex 4, not 3"),
        ({"pryv-redis": 7}, {}, "pryv-dns has JobModifyIndex 0, not 3"),
        (FRESH, {"pryv-redis": Record("x", 7)}, "the record of pryv-redis is another one"),
        ({**FRESH, "pryv-new": 1}, {"pryv-new": Record("x", 1)}, "pryv-new was added"),
    ],
)
def test_a_plan_is_fresh_only_while_no_job_and_no_record_moved(
    stubs: dict[str, int], records: dict[str, Record], said: str
) -> None:
    if not said:
        check_fresh(PLAN, observed(stubs, records))
        return
    with pytest.raises(StalePlan, match=said):
        check_fresh(PLAN, observed(stubs, records))
