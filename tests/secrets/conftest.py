"""The smallest platform, and one that sends mail and pulls from a registry of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.load import load_cluster

SMALLEST = """\
platform: {domain: pryv.example, name: Pryv Lab}
release: 1.9.2
datacenters: [dc1]
hostings: {ch: {datacenter: dc1, url: "https://ch.example", name: Switzerland}}
cores: [{name: "co[1-3]", hosting: ch}]
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Callable[[str], Cluster]:
    """Loads the smallest cluster file with more text behind it."""

    def load(more: str = "") -> Cluster:
        file = tmp_path / "cluster.yml"
        file.write_text(SMALLEST + more)
        return load_cluster([file], env={})

    return load
