"""A small platform as the reader of a review sees it: the files that say what runs, for each target.

`PRYV_NOMAD_UPDATE_GOLDEN=1 python -m pytest tests/exports/test_golden.py` writes them anew; git then shows the change.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pryv_nomad.exports.targets import exported
from pryv_nomad.model.load import load_cluster

CASES = Path(__file__).resolve().parents[1] / "cases" / "exports"
UPDATE = bool(os.environ.get("PRYV_NOMAD_UPDATE_GOLDEN"))
SHOWN = {
    "compose": ("README.md", "core/pryv.yml", "core/secrets.env", "reg-master/pryv.yml", "reg-slave/pryv.yml"),
    "swarm": ("README.md", "cores/co1.yml", "registry.yml"),
    "kubernetes": (
        *("README.md", "kustomization.yaml", "shared.yaml"),
        *(f"{folder}/{name}.yaml" for folder in ("cores/co1", "registry") for name in ("workloads", "network")),
    ),
}


@pytest.mark.parametrize("target", sorted(SHOWN))
def test_a_platform_is_exported_as_its_golden_files_say(target: str) -> None:
    tree = exported(load_cluster([CASES / "cluster.yml"], (), {}), target).tree
    for path in SHOWN[target]:
        file = CASES / target / path
        if UPDATE:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(tree[path].text, encoding="utf-8")
        assert file.read_text(encoding="utf-8") == tree[path].text, f"{path}; PRYV_NOMAD_UPDATE_GOLDEN=1 writes it anew"
