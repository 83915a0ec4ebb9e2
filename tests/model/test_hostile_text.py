"""Every place for text, with text that would break out of HCL, JSON, YAML or a consul-template.

Each is either refused with a clean problem at its place, or loads and reads back as it went in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from pryv_nomad.errors import ClusterFileError, Problem
from pryv_nomad.model import checks
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.file import ClusterFile
from pryv_nomad.model.load import load_cluster
from pryv_nomad.model.validation import keys

FULL: dict[str, Any] = yaml.safe_load((Path(__file__).parent.parent / "cases/model/full.yml").read_text())

HOSTILE = [
    '"; }',
    "${}",
    "${NOMAD_TOKEN}",
    "%{ if true }x%{ endif }",
    "{{ }}",
    '{{ with nomadVar "nomad/jobs" }}{{ .CORE_SYSTEM_KEY }}{{ end }}',
    "line\nbreak",
    "\r\n",
    "tab\there",
    "nul\x00",
    "\x1b[31m",
    "line\u2028separator",
    "🦄",
    "é",
    "'",
    '"',
    "\\",
    "#{USERNAME}",
    "<<EOF",
    "a.b",
    "a b",
    " ",
    "",
    "-",
    "x" * 64,
    "x" * 5000,
    "../../etc/passwd",
    "$(reboot)",
    "`reboot`",
    "*/ //",
]

Place = tuple[str | int, ...]


def _texts(value: Any, path: Place = ()) -> Iterator[Place]:
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))


def _at(value: Any, path: Place) -> Any:
    for step in path:
        value = value[step]
    return value


def _replaced(path: Place, text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(FULL))
    _at(document, path[:-1])[path[-1]] = text
    return document


PLACES = list(_texts(FULL))


def _outcome(folder: Path, document: dict[str, Any]) -> Cluster | list[Problem]:
    """The sound cluster, or what is wrong with it."""
    (folder / "releases").mkdir(exist_ok=True)
    file = folder / "cluster.yml"
    file.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    try:
        cluster = load_cluster([file], (), {})
        checks.check(cluster)
    except ClusterFileError as error:
        return error.problems
    return cluster


def _check_problems(problems: list[Problem]) -> None:
    assert problems
    for problem in problems:
        assert problem.text
        assert str(problem).isprintable(), repr(str(problem))
        assert len(str(problem)) < 2000


@pytest.mark.parametrize("path", PLACES, ids=lambda path: ".".join(map(str, path)))
def test_hostile_text_is_refused_or_reads_back_unchanged(tmp_path: Path, path: Place) -> None:
    for text in HOSTILE:
        outcome = _outcome(tmp_path, _replaced(path, text))
        if isinstance(outcome, list):
            _check_problems(outcome)
        elif path[0] == "settings":
            assert _at(outcome.settings, path[1:]) == text
        else:
            assert _at(outcome.file.model_dump(by_alias=True), path) == text


KEYED = [
    ("hostings",),
    ("settings",),
    ("resources",),
    ("node_classes",),
    ("images", "overrides"),
    ("platform",),
    ("secrets", "generations"),
]


@pytest.mark.parametrize("path", KEYED, ids=lambda path: ".".join(path))
def test_a_hostile_key_is_refused_or_reads_back_unchanged(tmp_path: Path, path: Place) -> None:
    for text in HOSTILE:
        document: dict[str, Any] = json.loads(json.dumps(FULL))
        section = _at(document, path)
        section[text] = next(iter(section.values()))
        outcome = _outcome(tmp_path, document)
        if isinstance(outcome, list):
            _check_problems(outcome)
        else:
            assert text in _at(outcome.file.model_dump(by_alias=True), path)


def test_the_full_file_is_sound(tmp_path: Path) -> None:
    outcome = _outcome(tmp_path, FULL)
    assert not isinstance(outcome, list), [str(problem) for problem in outcome]
    assert checks.findings(outcome) == []


def test_the_full_file_has_every_key_of_the_model() -> None:
    missing: list[str] = []

    def visit(value: Any, model: type[BaseModel], path: str) -> None:
        present = value if isinstance(value, dict) else {}
        missing.extend(f"{path}.{key}" for key in keys(model) if key not in present)

    visit(FULL, ClusterFile, "")
    for name, field in ClusterFile.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            visit(FULL[field.alias or name], field.annotation, name)
    visit(FULL["cores"][0], ClusterFile.model_fields["cores"].annotation.__args__[0], "cores[0]")  # type: ignore[union-attr]
    assert missing == []
