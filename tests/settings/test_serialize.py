"""Whatever stands in a structure reads back as it went in, and holes are found where they were put."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from pryv_nomad.settings.document import Endpoint, Hole, Hostings, MachineAddress, Part, Secret
from pryv_nomad.settings.serialize import Text, json_parts, text, text_parts, yaml_parts

HOST = Endpoint("mongodb", "mongodb", "host")
PORT = Endpoint("mongodb", "mongodb", "port")
QUOTED = Secret("KEY", quoted=True)
BARE = Secret("KEY")
ADDRESS = MachineAddress("registry", "pryv.example")
LISTED = Hostings("pryv.example")
ANSWERS: dict[Hole, str] = {
    HOST: "10.0.0.7",
    PORT: "27017",
    QUOTED: json.dumps('a"b\\c\n{{ d }}'),
    BARE: "1234567890",
    ADDRESS: "192.0.2.1",
    LISTED: '{"ch": {"co1": {"ip": "192.0.2.11"}}}',
}

strings = st.one_of(
    st.text(),
    st.text(alphabet="\"'\\\n\t{}$%#[]:- HOLE0123XZQ~\x00\x85\u2028\ufeff🦊é"),
    st.sampled_from(
        ["HOLE0X0Z", '"HOLE0X1Q"', "${x}", "{{ key }}", "%{ if }", "#{USERNAME}", "yes", "1e3", "~", "", "- a"]
    ),
)
pieces: st.SearchStrategy[Part] = st.one_of(strings, st.sampled_from([HOST, PORT, BARE, ADDRESS]))
inside = st.lists(pieces, max_size=4).map(lambda parts: Text(tuple(parts)))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), strings, st.sampled_from(list(ANSWERS)), inside),
    lambda deeper: st.lists(deeper, max_size=4) | st.dictionaries(strings, deeper, max_size=4),
    max_leaves=12,
)


def meant(value: Any) -> Any:
    """What a reader of the filled text should find."""
    if isinstance(value, Hole):
        return json.loads(ANSWERS[value]) if value in (PORT, QUOTED, LISTED) else ANSWERS[value]
    match value:
        case Text():
            return "".join(part if isinstance(part, str) else ANSWERS[part] for part in value.parts)
        case Mapping():
            return {meant(key): meant(item) for key, item in value.items()}
        case list():
            return [meant(item) for item in value]
        case _:
            return value


def filled(parts: tuple[Part, ...]) -> str:
    return "".join(part if isinstance(part, str) else ANSWERS[part] for part in parts)


@given(values)
@example({"HOLE0X0Z": HOST, "HOLE1X": [PORT, "HOLE2X0Q"]})
@example(text('"', PORT, '"'))
@example(text('\\"', HOST, "\\"))
def test_json_reads_back_as_it_went_in(value: Any) -> None:
    assert json.loads(filled(json_parts(value))) == meant(value)


@given(values)
@example({"on": "on", "no": "1.0", "017": "0o17", "a": "2026-11-24"})
@example({"key": text('"', PORT, '"')})
def test_yaml_reads_back_as_it_went_in(value: Any) -> None:
    assert yaml.safe_load(filled(yaml_parts(value))) == meant(value)


@given(values)
def test_the_same_structure_is_always_the_same_text(value: Any) -> None:
    assert yaml_parts(value) == yaml_parts(value)
    assert json_parts(value) == json_parts(value)


def test_a_secret_can_be_a_key() -> None:
    assert json.loads(filled(json_parts({QUOTED: {"roles": ["admin"]}}))) == {'a"b\\c\n{{ d }}': {"roles": ["admin"]}}


def test_a_secret_made_of_digits_stays_text_in_yaml() -> None:
    assert yaml.safe_load(filled(yaml_parts({"key": BARE}))) == {"key": "1234567890"}


def test_a_value_of_its_own_is_refused_inside_a_string() -> None:
    with pytest.raises(ValueError, match="cannot stand inside a string"):
        json_parts({"a": text("b", QUOTED)})


def test_neighbouring_texts_are_one_part() -> None:
    assert text_parts(["a", "", "b", HOST, "", "c"]) == ("ab", HOST, "c")
