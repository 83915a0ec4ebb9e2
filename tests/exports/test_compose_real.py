"""The exported folder of a single machine under a real docker compose: secrets are filled in, every service runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pryv_nomad.exports import compose
from pryv_nomad.exports.folder import write_tree
from pryv_nomad.exports.roles import Target, machines
from pryv_nomad.model.cluster import Cluster
from tests.exports.engine import docker, images, obstacles, read, small_platform, swarm_state, until
from tests.exports.platforms import filled
from tests.exports.test_compose import COMPOSE, fill, give_secrets
from tests.ports import free_port
from tests.real import standins

PROJECT = PREFIX = "pryv-compose-test"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    return small_platform(tmp_path_factory.mktemp("platform"), PREFIX)


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    assert COMPOSE is not None
    env = {**os.environ, "PRYV_CONF_ROOT": str(folder.parent)}
    words = [*COMPOSE, "-p", PROJECT, "-f", str(folder / "pryv.yml"), *arguments]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=300, env=env)


@pytest.fixture(scope="module")
def folder(platform: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The machine's folder, its services up; containers, networks and images are gone again afterwards."""
    if COMPOSE is None or swarm_state() == "":
        pytest.skip("no docker compose on this machine")
    if reason := obstacles():
        pytest.skip(reason)
    root = tmp_path_factory.mktemp("machine")
    write_tree(compose.tree(platform), root / "out", "compose")
    folder = (root / "out/singlenode").rename(root / "pryv")
    prepare(folder)
    try:
        standins.build(images(platform))
        found = command(folder, "up", "-d", "--pull", "never")
        assert found.returncode == 0, found.stderr
        yield folder
    finally:
        command(folder, "down", "--timeout", "1")
        standins.remove(images(platform))


def prepare(folder: Path) -> None:
    """What an operator does, and what this machine needs besides: free ports, names of its own, no syslog."""
    give_secrets(folder)
    assert (found := fill(folder)).returncode == 0, found.stderr
    file = folder / "pryv.yml"
    text = re.sub(r'"[0-9.]*?:?\d+:(\d+(/udp)?)"', lambda port: f'"{free_port()}:{port[1]}"', file.read_text())
    text = text.replace("container_name: pryvio_", f"container_name: {PREFIX}-").replace(
        "name: pryv_", f"name: {PREFIX}_"
    )
    file.write_text(text.replace('"/dev/log:', f'"{folder}:'))
    for volume in re.findall(r"/pryv/(\w+/(?:data|backup|log))/:", text):
        (folder / volume).mkdir(parents=True, exist_ok=True)
        (folder / volume).chmod(0o777)
    # Mounts are read by 9999 here.
    for place in (folder.parent, folder):
        place.chmod(0o755)


def states(folder: Path) -> dict[str, str]:
    lines = command(folder, "ps", "--all", "--format", "json").stdout.splitlines()
    return {found["Service"]: found["State"] for found in map(json.loads, lines)}


def test_every_service_runs(folder: Path, platform: Cluster) -> None:
    until(lambda: set(states(folder).values()) == {"running"}, lambda: command(folder, "logs").stdout)
    assert len(states(folder)) == 13


def test_every_file_in_a_container_is_what_it_must_be(folder: Path, platform: Cluster) -> None:
    compared = 0
    for each in machines(platform, Target(lambda component, role, replica: component))[0].services:
        for file in each.files:
            assert read(f"{PREFIX}-{each.component}", file.target) == filled(file.parts), file.target
            compared += 1
    assert compared > 25


def test_a_second_up_changes_nothing(folder: Path) -> None:
    before = docker("ps", "-q", "--filter", f"label=com.docker.compose.project={PROJECT}").split()
    assert command(folder, "up", "-d", "--pull", "never").returncode == 0
    assert docker("ps", "-q", "--filter", f"label=com.docker.compose.project={PROJECT}").split() == before
