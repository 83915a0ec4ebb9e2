"""An edit changes one value; a reader finds the rest of the file as it was."""

from __future__ import annotations

import pytest
import yaml

from pryv_nomad.errors import ClusterFileError
from pryv_nomad.model.edit import with_value

TEXT = """\
# Our lab. Ask Mia before you change the domain.
platform: {domain: pryv.example, name: "Pryv Lab"} # public
release: 1.9.2

hostings:
    ch: # Switzerland
        datacenter: dc1
        url: 'https://ch.example'

cores:
    - name: co[1-3]   # three machines
      hosting: ch
"""


def test_the_rest_of_the_file_stays_to_the_letter() -> None:
    edited = with_value(TEXT, ["secrets", "generations", "CORE_SYSTEM_KEY"], 2)

    assert edited.startswith(TEXT.replace("   # three", "   # three"))
    assert edited[len(TEXT) :] == "secrets:\n    generations:\n        CORE_SYSTEM_KEY: 2\n"


def test_an_existing_value_is_replaced_in_its_place() -> None:
    edited = with_value(TEXT, ["hostings", "ch", "datacenter"], "zh1")
    assert edited == TEXT.replace("datacenter: dc1", "datacenter: zh1")


def test_two_edits_are_as_one() -> None:
    once = with_value(TEXT, ["secrets", "generations", "A"], 1)
    assert with_value(once, ["secrets", "generations", "A"], 1) == once
    assert yaml.safe_load(with_value(once, ["secrets", "generations", "B"], 1))["secrets"] == {
        "generations": {"A": 1, "B": 1}
    }


def test_what_is_not_a_map_is_named() -> None:
    with pytest.raises(ClusterFileError, match="release: not a map"):
        with_value(TEXT, ["release", "generations", "A"], 1)


def test_what_is_not_yaml_is_refused() -> None:
    with pytest.raises(ClusterFileError, match="cannot be edited"):
        with_value("platform: {", ["a"], 1)


def test_a_key_goes_into_the_map_it_belongs_to_before_the_next_comment() -> None:
    text = "update:\n  canary: 1 # one\n\n# How tasks end.\nlifecycle:\n  kill_timeout: 5s\n"
    assert with_value(text, ["update", "auto_promote"], True) == text.replace(
        "canary: 1 # one\n", "canary: 1 # one\n  auto_promote: true\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: {}\n", "a: {b: x}\n"),
        ("a: {c: [1, 2]} # kept\n", "a: {c: [1, 2], b: x} # kept\n"),
        ("a: {b: old}", "a: {b: x}"),
        ("z: 1", "z: 1\na:\n  b: x\n"),
    ],
    ids=["empty-flow", "flow", "no-last-line-end", "no-last-line-end-insert"],
)
def test_each_way_of_writing_is_edited(text: str, expected: str) -> None:
    assert with_value(text, ["a", "b"], "x") == expected


def test_a_value_of_several_lines_is_replaced_whole() -> None:
    edited = with_value("a:\n  b: |\n    old\n    text\nz: 1\n", ["a", "b"], "x: y")
    assert yaml.safe_load(edited) == {"a": {"b": "x: y"}, "z": 1}


def test_a_key_goes_behind_a_text_of_several_lines() -> None:
    text = "a:\n  b: |\n    old\n    text\n\nz: 1\n"
    assert with_value(text, ["a", "c"], 1) == "a:\n  b: |\n    old\n    text\n  c: 1\n\nz: 1\n"


def test_a_value_behind_an_anchor_is_not_changed_for_everybody() -> None:
    text = "base: &base {x: 1}\na: *base\n"
    with pytest.raises(ClusterFileError, match=r"a\.x: cannot be set"):
        with_value(text, ["a", "x"], 2)
