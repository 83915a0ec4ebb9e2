from __future__ import annotations

import pytest

from pryv_nomad.plan.answers import HIDDEN, Answer, Effect, Field, fields, paired, without_old_values
from pryv_nomad.plan.placement import explain
from tests.plan.made import answer


def effects(found: Answer) -> dict[str, Effect]:
    return {group.name: group.effect for group in found.groups}


def test_a_new_job_creates_its_groups_and_has_no_field_diff() -> None:
    found = answer("create")
    assert found.differs
    assert effects(found) == {"api": Effect.CREATE, "hfs": Effect.CREATE}
    assert found.fields == ()


def test_the_running_spec_differs_in_nothing() -> None:
    found = answer("none")
    assert not found.differs
    assert effects(found) == {"api": Effect.IGNORE, "hfs": Effect.IGNORE}


def test_a_changed_environment_is_a_canary_and_a_changed_tag_an_in_place_update() -> None:
    found = answer("change")
    assert effects(found) == {"api": Effect.CANARY, "hfs": Effect.IN_PLACE}
    assert [(field.path, field.type, field.old, field.new) for field in found.fields] == [
        ("group api / task core / Env[A]", "Edited", "1", "2"),
        (
            "group api / task core / Template[local/x.yml] / EmbeddedTmpl",
            "Edited",
            "a: 1\nb: 2\nc: 3\n",
            "a: 1\nb: 5\nc: 3\n",
        ),
        ("group hfs / Service[hfs] / Tags", "Added", "", "x"),
    ]
    assert found.fields[0].effect == "forces create/destroy update"


def test_a_constraint_that_changed_reads_as_edited() -> None:
    found = answer("unplaced")
    assert Field("Constraint[${meta.pryv_core}] / RTarget", "Edited", "co1", "co9") in found.fields
    assert not [field for field in found.fields if field.path.endswith("LTarget")]


def test_a_larger_count_is_a_scaling_and_its_missing_place_is_explained() -> None:
    found = answer("unplaced")
    assert effects(found)["hfs"] is Effect.SCALE_UP
    assert [group.unplaced for group in found.groups] == [("1 node excluded by a constraint checked before",)] * 2


@pytest.mark.parametrize(
    ("desired", "effect"),
    [
        ({"DestructiveUpdate": 1, "Ignore": 1}, Effect.REPLACE),
        ({"Canary": 1, "Ignore": 1}, Effect.CANARY),
        ({"InPlaceUpdate": 2}, Effect.IN_PLACE),
        ({"Place": 1, "Ignore": 1}, Effect.SCALE_UP),
        ({"Place": 1}, Effect.CREATE),
        ({"Stop": 1, "Ignore": 1}, Effect.SCALE_DOWN),
        ({"Migrate": 1}, Effect.MIGRATE),
        ({"Ignore": 1}, Effect.IGNORE),
    ],
)
def test_the_gravest_update_names_the_group(desired: dict[str, int], effect: Effect) -> None:
    found = Answer.of({"Annotations": {"DesiredTGUpdates": {"g": desired}}, "Diff": {"Type": "Edited"}})
    assert effects(found) == {"g": effect}


@pytest.mark.parametrize("name", ["Env[DB_PASSWORD]", "Env[API_KEY]", "Env[auth_token]", "Env[CLIENT_SECRET]"])
def test_a_field_that_looks_like_a_secret_has_no_values(name: str) -> None:
    level = {"Fields": [{"Type": "Edited", "Name": name, "Old": "a", "New": "b"}]}
    (found,) = fields(level)
    assert (found.old, found.new) == (HIDDEN, HIDDEN)


def test_free_text_of_somebody_else_is_hidden_and_numbers_are_not() -> None:
    found = without_old_values([Field("Env[X]", "Edited", "theirs", "ours"), Field("Priority", "Edited", "50", "70")])
    assert [field.old for field in found] == [HIDDEN, "50"]
    assert [field.new for field in found] == ["ours", "70"]


def test_two_of_a_kind_stay_two() -> None:
    both = (Field("Tags", "Added", "", "a"), Field("Tags", "Added", "", "b"))
    assert paired(both) == both


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ({"NodesEvaluated": 2, "ConstraintFiltered": {"${meta.a} = b": 2}}, ("2 nodes excluded by: ${meta.a} = b",)),
        (
            {"NodesEvaluated": 1, "NodesExhausted": 1, "DimensionExhausted": {"memory": 1}},
            ("1 node without enough: memory",),
        ),
        ({"NodesAvailable": {"dc9": 0}}, ("no node is available in datacenter 'dc9'",)),
        ({}, ("no node is eligible (ready, in the job's datacenters and node pool)",)),
        ({"NodesEvaluated": 1}, ("Nomad gave no reason",)),
        ({"NodesEvaluated": 3, "NodesExhausted": 3}, ("3 nodes full",)),
    ],
)
def test_a_missing_place_is_explained(metric: dict[str, object], said: tuple[str, ...]) -> None:
    assert explain(metric) == said
