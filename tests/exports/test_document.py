"""Every text reads back from our YAML as it went in, by every reader there is here."""

from __future__ import annotations

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pryv_nomad.exports.document import Raw, comment, dollars, yaml_documents, yaml_text

TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
LINES = st.lists(st.text(" \tab#:-|>'\"{}[]&*!%@`,?é\u2028\x85", max_size=6), max_size=5).map("\n".join)


@settings(max_examples=300)
@given(st.dictionaries(TEXTS, TEXTS | LINES | st.integers() | st.booleans() | st.none(), max_size=3))
@example({"a": "\n"})
@example({"a": " leading\n"})
@example({"a": "trailing \nline\n"})
@example({"on": "yes", "y": "1e3", "null": "0o7", "x": "0x1", "~": "~"})
def test_any_value_reads_back(value: object) -> None:
    assert yaml.safe_load(yaml_text(value, ["head"])) == value


@settings(max_examples=100)
@given(LINES)
def test_a_text_of_several_lines_reads_back(text: str) -> None:
    assert yaml.safe_load(yaml_text({"data": {"file": text}})) == {"data": {"file": text}}


def test_a_text_of_several_lines_is_a_block() -> None:
    assert yaml_text({"file": "a: 1\n\nb: {{ x }} # no comment\n"}) == "file: |\n  a: 1\n\n  b: {{ x }} # no comment\n"


@given(st.lists(TEXTS, max_size=3))
def test_no_comment_ends_early(lines: list[str]) -> None:
    assert yaml.safe_load(comment(lines) + "a: 1\n") == {"a": 1}


def test_documents_stand_apart() -> None:
    assert list(yaml.safe_load_all(yaml_documents([{"a": 1}, {"b": "---\n"}], ["head"]))) == [{"a": 1}, {"b": "---\n"}]


@given(TEXTS)
def test_a_dollar_is_doubled_unless_it_is_meant(text: str) -> None:
    assert dollars({"a": [text, Raw("${X}")], "$k": 1}) == {"a": [text.replace("$", "$$"), "${X}"], "$k": 1}
