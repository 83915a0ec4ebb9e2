"""Reading YAML: what is refused, with its place, and what scalars mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from pryv_nomad.errors import ClusterFileError
from pryv_nomad.model import source
from tests.model.support import refusal

REFUSED = [
    ("flow that does not end", "platform: [1\nb", "not YAML", ":3:1"),
    ("tab as indentation", "platform:\n\tname: x\n", "not YAML", ":2:1"),
    ("colon inside plain text", "a: b: c\n", "not YAML", ":1:5"),
    ("no mapping", "just text", "a single value where keys and values are expected", ":1:1"),
    ("a list", "- a\n- b\n", "a list where keys and values are expected", ":1:1"),
    ("several documents", "a: 1\n---\nb: 2\n", "holds several documents", ":2:1"),
    ("a key twice", "platform: {}\nrelease: 1\nplatform: {}\n", "stands twice", ":3:1"),
    ("a map as a key", "? {a: 1}\n: b\n", "a map cannot be a key", ":1:3"),
    ("a Python object", "platform: !!python/object:os.system x\n", "has no meaning here", ":1:11"),
    ("a tag of one's own", "platform: !vault x\n", "has no meaning here", ":1:11"),
    ("an unknown alias", "platform: *nowhere\n", "undefined alias", ":1:11"),
    ("an alias of itself", "platform: &a [*a]\n", "an alias refers to what it stands in", ":1:11"),
    ("nested too deep", "a: " + "[" * 200 + "]" * 200, "nested deeper than 50 levels", ":1:"),
    ("nested without end", "a: " + "[" * 20000, "nesting", ":1:"),
    ("a control character", "platform: \x07\n", "not YAML", ""),
    ("a merge of text", "<<: text\nplatform: {}\n", "`<<` takes a map", ":1:5"),
]


@pytest.mark.parametrize(("text", "says", "place"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_text_that_is_no_cluster_file_is_refused_with_its_place(
    tmp_path: Path, text: str, says: str, place: str
) -> None:
    error = refusal(tmp_path, text)
    first = error.problems[0]
    assert says in first.text
    assert f"cluster.yml{place}" in f"{first.where} {first.text}"
    assert error.exit_code == 3


def test_bytes_that_are_not_utf8_are_refused_with_their_place(tmp_path: Path) -> None:
    problem = refusal(tmp_path, b"a: 1\nb: caf\xe9\n").problems[0]
    assert (problem.text, problem.where.rpartition("/")[2]) == ("not UTF-8 text", "cluster.yml:2:7")


def test_utf16_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a: 1".encode("utf-16")).problems[0].text == "not UTF-8 text"


@pytest.mark.parametrize("text", ["", "   \n", "# only a comment\n", "---\n"])
def test_an_empty_file_is_refused(tmp_path: Path, text: str) -> None:
    error = refusal(tmp_path, text)
    assert "empty" in str(error) or "a single value" in str(error)


def test_a_file_that_is_not_there_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ClusterFileError, match="there is no such file") as caught:
        source.read(tmp_path / "nowhere.yml")
    assert "pryv-nomad init" in caught.value.remedy


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterFileError, match="cannot be read"):
        source.read(tmp_path)


def test_a_few_lines_that_ask_for_billions_of_values_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{level}: &a{level} [{','.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 12)]
    assert "holds more than 1,000,000 values" in str(refusal(tmp_path, "\n".join(lines)))


def _value(text: str) -> object:
    values = source.Values({})
    value = values.value(source.mapping(f"k: {text}".encode(), "test.yml"))
    assert not values.problems
    return value["k"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("false", False),
        ("'true'", "true"),
        ("7", 7),
        ("-7", -7),
        ("0x1f", 31),
        ("010", 10),
        ("'7'", "7"),
        ("!!str 7", "7"),
        ("~", None),
        ("", None),
        ("null", None),
        ("12:30", "12:30"),
        ("2026-11-24", "2026-11-24"),
        ("1.9.2", "1.9.2"),
        ("1_000", "1_000"),
        ("[a, 1]", ["a", 1]),
        ("{a: 1}", {"a": 1}),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(text: str, value: object) -> None:
    assert _value(text) == value


def test_a_number_with_a_fraction_keeps_its_text() -> None:
    assert str(_value("1.10")) == "1.10"
    assert _value("1.10") == 1.1


def test_anchors_and_merge_keys_work_and_what_stands_beside_wins() -> None:
    root = source.mapping(b"a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [{z: 9}, *a]}\n", "test.yml")
    values = source.Values({})
    assert values.value(root) == {"a": {"x": 1, "y": 2}, "b": {"y": 3, "x": 1}, "c": {"z": 9, "x": 1, "y": 2}}
    assert not values.problems


def test_a_place_that_is_not_there_is_that_of_what_is_around_it() -> None:
    root = source.mapping(b"a:\n  - b: 1\n  - c: 2\n", "test.yml")
    assert source.locate(root, ("a", 1, "c")) == "test.yml:3:8"
    assert source.locate(root, ("a", 1, "c"), key=True) == "test.yml:3:5"
    assert source.locate(root, ("a", 1, "missing", "too")) == "test.yml:3:5"
    assert source.locate(root, ("missing",)) == "test.yml:1:1"
