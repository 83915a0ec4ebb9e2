"""A small platform as the reader of a review sees it: cluster.yml beside the texts that it becomes.

`PRYV_NOMAD_UPDATE_GOLDEN=1 python -m pytest tests/specs/test_golden.py` writes them anew; git then shows the change.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pryv_nomad.model.load import load_cluster
from pryv_nomad.specs.render import Spec, render

CASES = Path(__file__).resolve().parents[1] / "cases" / "specs"
UPDATE = bool(os.environ.get("PRYV_NOMAD_UPDATE_GOLDEN"))


def specs(case: Path) -> dict[str, Spec]:
    return {spec.job_id: spec for spec in render(load_cluster([case / "cluster.yml"], (), {}))}


def texts(case: Path) -> dict[str, str]:
    """File name → what it should hold: HCL of every job, and JSON of a core's."""
    found = specs(case)
    files = {f"{name}.nomad.hcl": spec.hcl for name, spec in found.items()}
    shown = {name: json.loads(spec.json_text) for name, spec in found.items() if spec.kind in ("data", "redis")}
    return files | {f"{name}.json": json.dumps(job, indent=2) + "\n" for name, job in shown.items()}


@pytest.mark.parametrize(
    "case", sorted(path.parent for path in CASES.glob("*/cluster.yml")), ids=lambda path: path.name
)
def test_a_platform_is_rendered_as_its_golden_files_say(case: Path) -> None:
    wanted = texts(case)
    if UPDATE:
        for old in (*case.glob("*.hcl"), *case.glob("*.json")):
            old.unlink()
        for name, text in wanted.items():
            (case / name).write_text(text, encoding="utf-8")
    there = {path.name: path.read_text(encoding="utf-8") for path in case.iterdir() if path.name != "cluster.yml"}
    assert there.keys() == wanted.keys()
    for name, text in wanted.items():
        assert there[name] == text, f"{name}; PRYV_NOMAD_UPDATE_GOLDEN=1 writes it anew"
