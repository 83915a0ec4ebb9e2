"""Cluster files for the tests of the model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pryv_nomad.errors import ClusterFileError, Problem
from pryv_nomad.model.checks import Finding, findings
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.load import load_cluster

SMALLEST: dict[str, Any] = {
    "platform": {"domain": "pryv.example", "name": "Pryv Lab"},
    "release": "1.9.2",
    "datacenters": ["dc1"],
    "hostings": {"ch": {"datacenter": "dc1", "url": "https://ch.example", "name": "Switzerland"}},
    "cores": [{"name": "co[1-3]", "hosting": "ch"}],
}


def laid_over(under: Any, over: Any) -> Any:
    """Maps merged, all else replaced; in plain Python, to compare with."""
    if isinstance(under, Mapping) and isinstance(over, Mapping):
        return {**under, **{key: laid_over(under.get(key), value) for key, value in over.items()}}
    return over


def load(folder: Path, *sets: str, env: Mapping[str, str] | None = None, **sections: Any) -> Cluster:
    """The smallest cluster with `sections` laid over it."""
    file = folder / "cluster.yml"
    file.write_text(json.dumps(laid_over(SMALLEST, sections), ensure_ascii=False), encoding="utf-8")
    return load_cluster([file], sets, env or {})


def load_text(folder: Path, text: str | bytes, *sets: str, env: Mapping[str, str] | None = None) -> Cluster:
    """The cluster of a file's text."""
    file = folder / "cluster.yml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_cluster([file], sets, env or {})


def problems_of(folder: Path, *sets: str, env: Mapping[str, str] | None = None, **sections: Any) -> list[Problem]:
    """The problems of loading it, or else those of its checks; at least one."""
    try:
        found = [finding.problem for finding in findings(load(folder, *sets, env=env, **sections))]
    except ClusterFileError as error:
        found = error.problems
    assert found, "nothing was found wrong"
    return found


def findings_of(folder: Path, **sections: Any) -> list[Finding]:
    """What the checks find."""
    return findings(load(folder, **sections))


def refusal(folder: Path, text: str | bytes, *sets: str, env: Mapping[str, str] | None = None) -> ClusterFileError:
    """The error of loading a file's text."""
    with pytest.raises(ClusterFileError) as caught:
        load_text(folder, text, *sets, env=env)
    return caught.value
