"""Laying files over one another, against plain Python; and files of random text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.errors import ClusterFileError
from pryv_nomad.model import overlay, source
from pryv_nomad.model.checks import findings
from pryv_nomad.model.load import load_cluster
from tests.model.support import SMALLEST, laid_over

WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=8)
KEYS = st.sampled_from(["a", "b", "c", "d", "<<b", "é"])
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-(10**17), 10**17), WORDS)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))
MAPS = st.dictionaries(KEYS, VALUES, max_size=4)


def _node(document: Any) -> Any:
    return source.mapping(json.dumps(document, ensure_ascii=False).encode(), "test.yml")


def _value(node: Any) -> Any:
    values = source.Values({})
    value = values.value(node)
    assert values.problems == []
    return value


@given(MAPS)
def test_json_is_read_as_json(document: dict[str, Any]) -> None:
    assert _value(_node(document)) == document


@given(MAPS, MAPS)
def test_maps_merge_and_all_else_is_replaced(under: dict[str, Any], over: dict[str, Any]) -> None:
    nodes = _node(under), _node(over)
    assert _value(overlay.merge(*nodes)) == laid_over(under, over)
    assert (_value(nodes[0]), _value(nodes[1])) == (under, over), "what is merged stays as it is"


@given(MAPS, st.lists(st.sampled_from("abcd"), min_size=1, max_size=3), LEAVES)
def test_a_set_is_an_overlay_of_one_value(document: dict[str, Any], path: list[str], value: Any) -> None:
    over: Any = value
    for key in reversed(path):
        over = {key: over}
    inside: Any = document
    for key in path[:-1]:
        inside = inside.get(key) if isinstance(inside, dict) else None
        if isinstance(inside, list):
            return  # a list takes an index or a name, not a key
    node = overlay.assign(_node(document), f"{'.'.join(path)}={json.dumps(value, ensure_ascii=False)}")
    assert _value(node) == laid_over(document, over)


def test_cores_of_overlays_merge_by_name_and_keep_their_order() -> None:
    under = {"cores": [{"name": "a", "x": 1}, {"name": "b"}]}
    over = {"cores": [{"name": "c"}, {"name": "a", "y": 2}]}
    assert _value(overlay.merge(_node(under), _node(over))) == {
        "cores": [{"name": "a", "x": 1, "y": 2}, {"name": "b"}, {"name": "c"}]
    }


TEXT = json.dumps(SMALLEST, indent=1)
EDITS = st.lists(
    st.tuples(
        st.integers(0, len(TEXT)),
        st.integers(0, 12),
        st.text(st.sampled_from(list("{}[]:,\"'#&*!|>%@`-? \n\t\\0ax.~<=$\x00é🦄")), max_size=6),
    ),
    max_size=4,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("edited")


@given(edits=EDITS)
def test_a_damaged_file_is_refused_cleanly_or_loads(folder: Path, edits: list[tuple[int, int, str]]) -> None:
    text = TEXT
    for position, removed, added in edits:
        text = text[:position] + added + text[position + removed :]
    _refused_cleanly_or_loads(folder, text.encode())


@given(content=st.binary(max_size=60))
def test_random_bytes_are_refused_cleanly(folder: Path, content: bytes) -> None:
    _refused_cleanly_or_loads(folder, content)


def _refused_cleanly_or_loads(folder: Path, content: bytes) -> None:
    file = folder / "cluster.yml"
    file.write_bytes(content)
    try:
        findings(load_cluster([file], (), {}))
    except ClusterFileError as error:
        told = str(error)
    else:
        told = "loads"
    assert told
    assert all(line.isprintable() for line in told.splitlines()), repr(told)
