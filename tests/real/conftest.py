"""A real cluster of several nodes on this machine: Nomad, Consul, Docker, and stand-ins for Pryv.io's images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pryv_nomad.dev import DevCluster, DevOptions, NodeWish, down, up
from pryv_nomad.dev.machine import choose, look
from pryv_nomad.errors import MissingPrerequisite
from tests.short import short_folder

Starter = Callable[[list[NodeWish]], DevCluster]


def obstacle() -> str:
    """Why no real cluster of several nodes can be had here; empty when it can."""
    try:
        return "; ".join(choose("real", look(os.environ), nodes=2).reasons)
    except MissingPrerequisite as error:
        return error.message


@pytest.fixture(scope="module")
def start_cluster() -> Iterator[Starter]:
    """Starts a cluster with the given nodes; all of it is gone again when the module's tests are done."""
    if reason := obstacle():
        pytest.skip(reason)
    network = f"127.0.{20 + os.getpid() % 200}.0/24"  # two that start at once must not choose the same
    with short_folder() as short:
        folder = short / "dev"

        def start(nodes: list[NodeWish]) -> DevCluster:
            return up(DevOptions(folder, tuple(nodes), mode="real", nomad_port=0, consul_port=0, network=network))

        try:
            yield start
        finally:
            down(folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These wait more than they compute, so they begin first: other tests fill the time."""
    items.sort(key=lambda item: not item.path.is_relative_to(Path(__file__).parent))
