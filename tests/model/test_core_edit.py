"""A core is added or taken out, in any way of writing the list; what the others are stays."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.errors import ClusterFileError
from pryv_nomad.model.core_edit import compressed, with_core, without_core
from pryv_nomad.model.ranges import expand

BLOCK = """\
release: 1.9.2
cores:
  # Switzerland
  - name: co[1-4] # four
    hosting: ch
    ip: [203.0.113.1, 203.0.113.2, 203.0.113.3, 203.0.113.4]
  - {name: fr1, hosting: fr} # France

# How a change goes.
update: {canary: 1}
"""
FLOW = 'cores: [{name: "co[1-3]", hosting: ch}, {name: fr1, hosting: fr}] # all\n'


def names(text: str) -> list[str]:
    return [name for entry in yaml.safe_load(text)["cores"] for name in expand(entry["name"])]


@pytest.mark.parametrize("text", [BLOCK, FLOW, BLOCK.replace("  - ", "- ").replace("    ", "  ")])
def test_a_core_is_added_at_the_end(text: str) -> None:
    edited = with_core(text, {"name": "fr2", "hosting": "fr", "ip": "203.0.113.9"})
    assert names(edited) == [*names(text), "fr2"]
    assert yaml.safe_load(edited)["cores"][-1]["ip"] == "203.0.113.9"
    assert without_core(edited, "fr2") == text


def test_the_new_line_stands_behind_the_last_entry_and_its_comment() -> None:
    edited = with_core(BLOCK, {"name": "fr2", "hosting": "fr"})
    assert edited == BLOCK.replace("# France\n", "# France\n  - {name: fr2, hosting: fr}\n")


def test_a_core_leaves_its_range_with_its_address() -> None:
    edited = without_core(BLOCK, "co2")
    entry = yaml.safe_load(edited)["cores"][0]
    assert entry["name"] == "co[1,3-4]"
    assert entry["ip"] == ["203.0.113.1", "203.0.113.3", "203.0.113.4"]
    assert "# four" in edited
    assert "# Switzerland" in edited


def test_a_range_of_two_becomes_a_name() -> None:
    assert names(without_core('cores: [{name: "co[1-2]", hosting: ch}]\n', "co1")) == ["co2"]


@pytest.mark.parametrize("text", [BLOCK, FLOW])
@pytest.mark.parametrize("name", ["co1", "co2", "fr1"])
def test_only_that_core_goes(text: str, name: str) -> None:
    assert names(without_core(text, name)) == [each for each in names(text) if each != name]


def test_what_cannot_be_done_is_said() -> None:
    with pytest.raises(ClusterFileError, match="there is a core co2 already"):
        with_core(BLOCK, {"name": "co[2-9]", "hosting": "ch"})
    with pytest.raises(ClusterFileError, match="there is no core co9"):
        without_core(BLOCK, "co9")
    with pytest.raises(ClusterFileError, match="only item"):
        without_core("cores: [{name: co1, hosting: ch}]\n", "co1")


@given(st.lists(st.integers(0, 120), min_size=1, max_size=20, unique=True), st.sampled_from(["{}", "{:03}"]))
def test_a_compressed_range_stands_for_the_same_names(numbers: list[int], width: str) -> None:
    wanted = [f"co{width.format(number)}-eu" for number in numbers]
    assert expand(compressed(wanted)) == wanted
