"""The query of the external data source: flat strings in, clear words about anything else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.errors import TerraformInputError
from pryv_nomad.model.load import load_cluster
from pryv_nomad.terraform.query import Query, parse


def test_an_empty_query_leaves_everything_to_the_options() -> None:
    assert parse("{}") == Query()
    assert parse('{"cluster_files": "", "set": "", "templates": "", "only": ""}') == Query()


def test_lists_and_maps_come_as_json_inside_their_strings() -> None:
    text = json.dumps(
        {
            "cluster_files": json.dumps(["a.yml", "b c.yml"]),
            "set": json.dumps({"update.canary": 0, "platform.name": "X", "cores": [{"name": "co1", "hosting": "ch"}]}),
            "templates": "own",
            "only": json.dumps(["pryv-core-*"]),
        }
    )
    assert parse(text) == Query(
        (Path("a.yml"), Path("b c.yml")),
        ('cores=[{"hosting": "ch", "name": "co1"}]', 'platform.name="X"', "update.canary=0"),
        Path("own"),
        ("pryv-core-*",),
    )


def test_one_file_assignment_or_pattern_is_written_plainly() -> None:
    query = parse('{"cluster_files": "c.yml", "set": "update.canary=0", "only": "pryv-dns"}')
    assert query == Query((Path("c.yml"),), ("update.canary=0",), None, ("pryv-dns",))
    assert parse('{"set": "[\\"a=1\\", \\"b=2\\"]"}').sets == ("a=1", "b=2")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "standard input is not JSON"),
        ("nope", "standard input is not JSON"),
        ('{"cluster_files": "a.yml"', "standard input is not JSON"),
        ("[]", "must be a JSON object"),
        ('"text"', "must be a JSON object"),
        ("[" * 100_000, "is nested too deep"),
        ('{"cluster_files": ["a.yml"]}', "cluster_files must be a string, not a list"),
        ('{"set": {"a": 1}}', "set must be a string, not an object"),
        ('{"only": null}', "only must be a string, not null"),
        ('{"templates": true}', "templates must be a string, not a boolean"),
        ('{"templates": 3}', "templates must be a string, not a number"),
        ('{"clusterfiles": "a.yml"}', "unknown key 'clusterfiles'; did you mean cluster_files?"),
        ('{"zzz": "a.yml"}', "unknown key 'zzz'"),
        ('{"cluster_files": "[1]"}', "cluster_files must be a list of texts, not of a number"),
        ('{"cluster_files": "[\\"\\"]"}', "cluster_files must be a list of texts, not of an empty text"),
        ('{"cluster_files": "[\\"a\\""}', "cluster_files is not JSON"),
        ('{"set": "{a"}', "set is not JSON"),
    ],
)
def test_what_is_no_query_is_named_with_its_key(text: str, told: str) -> None:
    with pytest.raises(TerraformInputError) as caught:
        parse(text)
    assert told in caught.value.message


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda text: "${" not in text)
)
def test_any_text_reaches_its_setting_unchanged(text: str) -> None:
    query = parse(json.dumps({"set": json.dumps({"settings.EMAIL_SENDER": {"name": text, "address": "a@b.example"}})}))
    file = Path(__file__).parents[2] / "examples" / "single-machine-lab" / "cluster.yml"
    assert load_cluster([file], query.sets, {}).file.settings["EMAIL_SENDER"]["name"] == text
