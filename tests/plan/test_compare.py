from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.plan.compare import Comparison, Look, compare, migrated, selected
from pryv_nomad.plan.observed import Observed, Record, Stub
from tests.plan.made import MadeSpec, observed, record_of

SPEC = MadeSpec("pryv-redis")
OLD = MadeSpec("pryv-redis", version="0")


def looks(found: Comparison) -> dict[str, Look]:
    return {candidate.job_id: candidate.look for candidate in found.candidates}


@pytest.mark.parametrize(
    ("stubs", "records", "stopped", "look"),
    [
        ({"pryv-redis": 7}, {"pryv-redis": record_of(SPEC, 7)}, False, None),
        ({"pryv-redis": 7}, {"pryv-redis": record_of(OLD, 7)}, False, Look.CHANGED),
        ({"pryv-redis": 8}, {"pryv-redis": record_of(SPEC, 7)}, False, Look.MOVED),
        ({"pryv-redis": 8}, {"pryv-redis": record_of(OLD, 7)}, False, Look.MOVED),
        ({"pryv-redis": 7}, {}, False, Look.UNRECORDED),
        ({"pryv-redis": 7}, None, False, Look.UNRECORDED),
        ({"pryv-redis": 7}, {"pryv-redis": record_of(SPEC, 7)}, True, Look.STOPPED),
        ({}, {}, False, Look.NEW),
        ({}, {"pryv-redis": record_of(SPEC, 7)}, False, Look.NEW),
    ],
)
def test_a_job_is_unchanged_only_with_our_hash_and_our_index(
    stubs: dict[str, int], records: dict[str, Record] | None, stopped: bool, look: Look | None
) -> None:
    found = compare([SPEC], observed(stubs, records, frozenset(stubs) if stopped else frozenset()))
    assert looks(found) == ({} if look is None else {"pryv-redis": look})
    assert found.unchanged == ({"pryv-redis": 7} if look is None else {})


def test_a_recorded_job_that_left_the_model_is_removed_while_it_runs() -> None:
    records = {name: record_of(MadeSpec(name), 7) for name in ("runs", "stopped", "gone")}
    found = compare([], observed({"runs": 7, "stopped": 7}, records, frozenset({"stopped"})))
    assert looks(found) == {"runs": Look.REMOVED}


def test_a_job_that_we_do_not_know_is_nobodys_business() -> None:
    assert compare([], observed({"someone-elses": 3}, {})).candidates == ()


def test_nothing_counts_as_removed_while_the_records_are_unknown() -> None:
    assert compare([], observed({"pryv-dns": 3}, None)).candidates == ()


def test_children_of_periodic_jobs_are_left_out() -> None:
    stubs = [{"ID": "pryv-certificate/periodic-1", "ParentID": "pryv-certificate", "JobModifyIndex": 3}]
    assert Observed.of(stubs, {}).stubs == {}


def test_selected_keeps_to_matching_jobs_and_owners() -> None:
    found = compare([SPEC, MadeSpec("pryv-core-co1", "co1", "core")], observed({}, {}))
    assert looks(selected(found, lambda job_id, owner: owner == "co1")) == {"pryv-core-co1": Look.NEW}


def test_a_core_of_another_release_is_registered_in_its_migrating_form_and_recorded_as_usual() -> None:
    spec = MadeSpec("pryv-core-co1", "co1", "core", "2")
    other = MadeSpec("pryv-core-co2", "co2", "core", "2")
    old = Record("x", 7, release="1.9.0")
    found = compare(
        [spec, other],
        observed({"pryv-core-co1": 7, "pryv-core-co2": 7}, {"pryv-core-co1": old, "pryv-core-co2": Record("x", 7)}),
    )
    passing = MadeSpec("pryv-core-co1", "co1", "core", "migrating")
    first, second = migrated(found.candidates, "1.9.2", lambda: [passing])
    assert first.spec is not None
    assert (first.spec.json_text, first.spec.hash) == (passing.json_text, spec.hash)
    assert second.spec == other


def test_the_migrating_form_is_not_rendered_when_nothing_migrates() -> None:
    found = compare([SPEC], observed({}, {}))
    assert migrated(found.candidates, "1.9.2", lambda: pytest.fail("rendered")) == found.candidates


names = st.sampled_from(["a", "b", "c", "d"])


@given(st.sets(names), st.dictionaries(names, st.integers(1, 3)), st.dictionaries(names, st.integers(1, 3)))
def test_every_wanted_job_is_either_unchanged_or_looked_at_once(
    wanted: set[str], stubs: dict[str, int], records: dict[str, int]
) -> None:
    specs = [MadeSpec(name) for name in sorted(wanted)]
    found = compare(specs, observed(stubs, {name: record_of(MadeSpec(name), index) for name, index in records.items()}))
    seen = [candidate.job_id for candidate in found.candidates if candidate.spec]
    assert sorted([*seen, *found.unchanged]) == sorted(wanted)
    removed = {candidate.job_id for candidate in found.candidates if candidate.spec is None}
    assert removed == (set(records) - wanted) & set(stubs)


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"hash": 1}', '{"hash": "x", "index": "y"}', "\xff"])
def test_what_is_no_record_counts_as_a_lost_one(text: str) -> None:
    assert Record.from_text(text) is None


def test_a_record_reads_back_as_it_was_written() -> None:
    record = Record("h", 7, 2, "co1", "core", "ch", "1.9.2", "p")
    assert Record.from_text(record.to_text()) == record


def test_a_stub_is_read_from_nomads_json() -> None:
    stub = {"ID": "j", "JobModifyIndex": 5, "Status": "dead", "Stop": True, "Type": "batch", "ParentID": ""}
    assert Stub.of(stub) == Stub("j", 5, "dead", True, "batch")
