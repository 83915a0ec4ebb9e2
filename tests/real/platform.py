"""A platform under test on a real cluster: its files, its model, where it runs, and our command line against it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pryv_nomad.dev import DevCluster
from pryv_nomad.dev.ready import get
from pryv_nomad.model.cluster import Cluster
from tests.real import standins
from tests.real.conftest import obstacle

CHECKOUT = Path(__file__).resolve().parents[2]

# Deadlines for stand-ins, which start at once. Nomad wants a database's time to stop within the progress deadline.
IMPATIENT = """
update: {min_healthy_time: 1s, healthy_deadline: 90s, progress_deadline: 2m}
lifecycle: {kill_timeout: 5s}
"""


@contextlib.contextmanager
def images_of(model: Cluster) -> Iterator[None]:
    """The platform's images are on the machine for as long as the block lasts. Skips where they cannot be."""
    images = {
        model.image(name): (name, component)
        for name, component in model.release.components.items()
        if component.role in ("core", "registry", "static", "edge")
    }
    if obstacles := [*filter(None, [obstacle()]), *standins.obstacles(images)]:
        pytest.skip("; ".join(obstacles))
    with standins.made(images):
        yield


@dataclass(frozen=True)
class Platform:
    """The platform under test: its files, its model, and where it runs."""

    files: tuple[Path, ...]
    leader: Path | None
    model: Cluster
    cluster: DevCluster

    def cli(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run one command line of ours against it."""
        named = [word for file in self.files for word in ("-c", str(file))]
        env = {**os.environ, "NOMAD_ADDR": self.cluster.nomad, "CONSUL_HTTP_ADDR": self.cluster.consul}
        return subprocess.run(
            [sys.executable, "-m", "pryv_nomad", *named, *arguments],
            cwd=CHECKOUT,
            env=env,
            input=given,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def done(self, *arguments: str, given: str | None = None) -> str:
        """Run one command line that must succeed; what it printed."""
        answer = self.cli(*arguments, given=given)
        assert answer.returncode == 0, f"{' '.join(arguments)}\n{answer.stdout}\n{answer.stderr}"
        return answer.stdout

    def nomad(self, path: str) -> Any:
        """What Nomad answers."""
        return get("127.0.0.1", int(self.cluster.nomad.rpartition(":")[2]), path)
