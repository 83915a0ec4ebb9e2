"""The docker of this machine, for tests that start what was exported; each cleans up what it made."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pryv_nomad.exports.roles import Target, machines
from pryv_nomad.model.cluster import Cluster
from tests.exports.platforms import loaded, single_data
from tests.real import standins
from tests.specs.rendered import ODD, with_text

WAIT = 180.0
SETTINGS = {"EMAIL_SMTP_SETTINGS": {"host": "mail.example", "port": 587, "auth": {"user": "pryv"}}}


def docker(*arguments: str, check: bool = True, given: str | None = None) -> str:
    """What a docker command prints."""
    found = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=False, timeout=120, input=given
    )
    assert found.returncode == 0 or not check, found.stderr
    return found.stdout.strip()


def swarm_state() -> str:
    """`inactive` where docker runs and is in no Swarm; empty where there is no docker."""
    if shutil.which("docker") is None:
        return ""
    return docker("info", "--format", "{{.Swarm.LocalNodeState}}", check=False)


def until(done: Callable[[], bool], what: Callable[[], str]) -> None:
    """Wait until `done`; `what` says what is there instead."""
    deadline = time.monotonic() + WAIT
    while not done():
        assert time.monotonic() < deadline, what()
        time.sleep(0.5)


def small_platform(folder: Path, prefix: str) -> Cluster:
    """A platform on one machine, small and quick, with images of its own below `prefix`, and odd texts everywhere."""
    data: dict[str, Any] = single_data(SETTINGS)
    data["cores"][0] |= {"procs": 2, "hfs_procs": 1}
    data["update"] = {"min_healthy_time": "3s", "healthy_deadline": "60s", "progress_deadline": "90s"}
    data["lifecycle"] = {"restart": {"delay": "1s"}, "kill_timeout": "5s"}
    plain = loaded(folder, data)
    used = {service.component for machine in machines(plain, Target(lambda *_: "x")) for service in machine.services}
    data["images"] = {"overrides": {name: f"{prefix}/{name.replace('_', '-')}:1" for name in sorted(used)}}
    return with_text(loaded(folder, data), "".join(ODD) + "$HOME ${x} {/")


def images(platform: Cluster) -> dict[str, tuple[str, Any]]:
    """What the stand-ins of `platform` are made from."""
    return {platform.image(name): (name, platform.component(name)) for name in platform.file.images.overrides}


def read(container: str, path: str) -> str:
    """A file in a container."""
    found = subprocess.run(["docker", "exec", container, "cat", path], capture_output=True, check=True, timeout=60)
    return found.stdout.decode()


def obstacles() -> str:
    """Why stand-ins cannot be made here; empty when they can."""
    return "; ".join(standins.obstacles([]))
