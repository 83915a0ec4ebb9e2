from __future__ import annotations

import pytest

from pryv_nomad.plan.answers import Answer, Effect, Group
from pryv_nomad.plan.build import GONE, LOST_RECORDS, NO_RECORDS, Answers, build
from pryv_nomad.plan.change import Action, Change, Plan
from pryv_nomad.plan.compare import compare
from pryv_nomad.plan.history import History
from pryv_nomad.plan.intent import Intent
from pryv_nomad.plan.observed import Observed, Record
from tests.plan.made import OTHER, SAME, MadeSpec, intent, observed, record_of

SPEC = MadeSpec("pryv-redis")
OLD = MadeSpec("pryv-redis", version="0")
ROLLED_BACK = "Failed due to progress deadline - rolling back to job version 3"


def planned(
    specs: list[MadeSpec],
    seen: Observed,
    answer: Answer = OTHER,
    history: History | None = None,
    wanted: Intent | None = None,
) -> Plan:
    found = compare(specs, seen)
    names = [candidate.job_id for candidate in found.candidates]
    answers = Answers(dict.fromkeys(names, answer), dict.fromkeys(names, history or History(9)))
    return build(wanted or intent("co1", "co2"), seen, found, answers)


def only(plan: Plan) -> Change:
    (found,) = plan.changes
    return found


def test_a_new_job_is_created_and_must_not_exist() -> None:
    found = only(planned([SPEC], observed({}, {})))
    assert (found.action, found.index, found.record, found.drift) == (Action.CREATE, 0, None, "")
    assert found.spec == SPEC.json_text


def test_a_job_that_is_gone_from_nomad_is_created_with_a_note() -> None:
    found = only(planned([SPEC], observed({}, {"pryv-redis": record_of(SPEC, 7)})))
    assert (found.action, found.notes) == (Action.CREATE, (GONE,))


def test_a_changed_spec_updates_the_job_at_the_index_seen() -> None:
    record = record_of(OLD, 7)
    found = only(planned([SPEC], observed({"pryv-redis": 7}, {"pryv-redis": record})))
    assert (found.action, found.index, found.record, found.drift) == (Action.UPDATE, 7, (OLD.hash, 7), "")


def test_a_changed_hash_that_nomad_sees_no_difference_in_is_only_recorded() -> None:
    found = only(planned([SPEC], observed({"pryv-redis": 7}, {"pryv-redis": record_of(OLD, 7)}), SAME))
    assert found.action is Action.ADOPT


def test_a_job_that_moved_is_a_strangers_change() -> None:
    found = only(planned([SPEC], observed({"pryv-redis": 8}, {"pryv-redis": record_of(SPEC, 7)})))
    assert found.action is Action.UPDATE
    assert "changed by somebody else (JobModifyIndex 8, ours was 7)" in found.drift


def test_a_job_that_moved_to_what_the_model_says_is_only_recorded() -> None:
    found = only(planned([SPEC], observed({"pryv-redis": 8}, {"pryv-redis": record_of(OLD, 7)}), SAME))
    assert (found.action, found.drift) == (Action.ADOPT, "")


@pytest.mark.parametrize(
    ("history", "ours"),
    [
        (History(5, ((4, "failed", ROLLED_BACK),)), True),
        (History(6, ((4, "failed", ROLLED_BACK),)), False),
        (History(5, ((4, "failed", "Failed due to progress deadline"),)), False),
        (History(5, ((4, "successful", ""),)), False),
        (History(5, ((3, "failed", ROLLED_BACK),)), False),
    ],
)
def test_an_automatic_rollback_is_a_failed_rollout_and_no_stranger(history: History, ours: bool) -> None:
    record = record_of(SPEC, 7, version=4)
    found = only(planned([SPEC], observed({"pryv-redis": 8}, {"pryv-redis": record}), OTHER, history))
    assert bool(found.drift) is not ours
    assert any("rolled it back" in note for note in found.notes) is ours


@pytest.mark.parametrize(("version", "ours"), [(5, True), (6, False)])
def test_one_version_after_a_pending_record_is_a_run_of_ours_that_died(version: int, ours: bool) -> None:
    record = record_of(OLD, 7, version=4, pending="p")
    found = only(planned([SPEC], observed({"pryv-redis": 8}, {"pryv-redis": record}), OTHER, History(version)))
    assert bool(found.drift) is not ours


def test_a_pending_version_that_nomad_rolled_back_is_ours_too() -> None:
    record = record_of(OLD, 7, version=4, pending="p")
    history = History(6, ((5, "failed", ROLLED_BACK),))
    found = only(planned([SPEC], observed({"pryv-redis": 8}, {"pryv-redis": record}), OTHER, history))
    assert found.drift == ""


def test_a_job_under_our_name_that_we_never_made_is_drift_when_we_have_records() -> None:
    records = {"pryv-dns": record_of(MadeSpec("pryv-dns"), 3)}
    found = planned([SPEC, MadeSpec("pryv-dns", kind="dns")], observed({"pryv-redis": 7, "pryv-dns": 3}, records))
    assert "not started by pryv-nomad" in only(found).drift


def test_with_all_records_lost_jobs_are_compared_and_nobody_is_blamed() -> None:
    found = planned([SPEC], observed({"pryv-redis": 7}, {}))
    assert only(found).drift == ""
    assert found.notes == (LOST_RECORDS,)


def test_with_consul_away_the_plan_says_that_it_cannot_be_run() -> None:
    found = planned([SPEC], observed({"pryv-redis": 7}, None))
    assert not found.records_known
    assert found.notes == (NO_RECORDS,)


@pytest.mark.parametrize(("index", "drift"), [(7, ""), (8, "stopped by somebody else")])
def test_a_stopped_job_is_started_again(index: int, drift: str) -> None:
    seen = observed({"pryv-redis": index}, {"pryv-redis": record_of(SPEC, 7)}, frozenset({"pryv-redis"}))
    found = only(planned([SPEC], seen))
    assert (found.action, found.drift) == (Action.START, drift)


def test_a_job_that_left_the_model_is_stopped_as_what_it_was() -> None:
    record = Record("h", 7, 1, "co9", "core", "ch", "1.9.2")
    found = only(planned([], observed({"pryv-core-co9": 7}, {"pryv-core-co9": record})))
    assert (found.action, found.core, found.hosting, found.spec) == (Action.STOP, "co9", "ch", "")


def test_a_core_called_static_is_not_the_static_site() -> None:
    specs = [MadeSpec("pryv-static", "static", "static"), MadeSpec("pryv-core-static", "static", "core")]
    found = planned(specs, observed({}, {}), wanted=intent("static"))
    assert {change.job_id: change.core for change in found.changes} == {"pryv-static": "", "pryv-core-static": "static"}


def test_a_replaced_database_is_warned_of() -> None:
    spec = MadeSpec("pryv-data-co1", "co1", "data")
    old = Record("x", 7, release="1.9.2")
    answer = Answer(True, 7, (Group("mongodb", Effect.REPLACE), Group("influxdb", Effect.IGNORE)), ())
    found = planned([spec], observed({"pryv-data-co1": 7}, {"pryv-data-co1": old}), answer)
    assert found.warnings == (
        "pryv-data-co1: mongodb keeps data and is replaced; what depends on it stands still meanwhile",
    )


def test_a_release_that_migrates_is_warned_of_when_cores_come_from_another() -> None:
    spec = MadeSpec("pryv-core-co1", "co1", "core")
    old = Record("x", 7, release="1.9.0")
    seen = observed({"pryv-core-co1": 7}, {"pryv-core-co1": old})
    found = planned([spec], seen, wanted=intent("co1", migrates=True))
    assert any("migrates data" in warning for warning in found.warnings)
    assert found.release_from == ("1.9.0",)
    assert not planned([spec], seen, wanted=intent("co1")).warnings
