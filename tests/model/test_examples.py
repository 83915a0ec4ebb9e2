"""Every example is a sound cluster file and fits the schema."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from pryv_nomad.model import releases, source
from pryv_nomad.model.checks import findings
from pryv_nomad.model.load import load_cluster
from pryv_nomad.model.schema import json_schema
from pryv_nomad.model.starter import starter

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*/cluster.yml"))
CORES = {"single-machine-lab": 1, "two-hostings": 5, "fleet-1000": 1000}


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.parent.name)
def test_an_example_has_nothing_wrong(file: Path) -> None:
    cluster = load_cluster([file], (), {})
    assert [str(finding) for finding in findings(cluster)] == []
    assert len(cluster.cores) == CORES[file.parent.name]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.parent.name)
def test_an_example_fits_the_schema(file: Path) -> None:
    schema = json_schema(releases.load_catalogue("1.9"))
    jsonschema.Draft202012Validator(schema).validate(source.Values({}).value(source.read(file)))


def test_the_two_hostings_are_as_the_example_says() -> None:
    (file,) = [each for each in EXAMPLES if each.parent.name == "two-hostings"]
    cluster = load_cluster([file], (), {})
    assert {core.name: core.hosting for core in cluster.cores} == {
        "co1": "ch", "co2": "ch", "co3": "ch", "co4": "fr", "co5": "fr",
    }  # fmt: skip
    assert [core.name for core in cluster.cores if core.external] == ["co5"]
    assert cluster.file.registry.replica is not None


def test_the_starter_is_sound_and_so_is_all_that_it_comments_out(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yml"
    file.write_text(starter("pryv.example", 'Lab "one": {x}'), encoding="utf-8")
    cluster = load_cluster([file], (), {})
    assert findings(cluster) == []
    assert cluster.file.platform.name == 'Lab "one": {x}'
    text = file.read_text(encoding="utf-8")
    for comment in (
        "# registry:",
        "#   ip:",
        "#   register:",
        "#   replica:",
        "# settings:",
        "#   SUPPORT",
        "#   INVIT",
    ):
        text = text.replace(comment, comment[2:])
    for comment in ("# update:", "#   canary:", "#   max_unav", "# ip: [", "# procs:"):
        text = text.replace(comment, comment[2:])
    file.write_text(text, encoding="utf-8")
    changed = load_cluster([file], (), {})
    assert findings(changed) == []
    assert changed.file.registry.replica is not None
    assert changed.cores[2].ip == "203.0.113.3"
