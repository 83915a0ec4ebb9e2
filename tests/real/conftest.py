"""A real cluster of several nodes on this machine: Nomad, Consul, Docker, and stand-ins for Pryv.io's images."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pryv_nomad.dev import DevCluster, DevOptions, NodeWish, down, up
from pryv_nomad.dev.machine import choose, look
from pryv_nomad.errors import MissingPrerequisite

SYSLOG = Path("/dev/log")

Starter = Callable[[list[NodeWish]], DevCluster]


def obstacle(environ: dict[str, str]) -> str:
    """Why no real cluster of several nodes can be had here; empty when it can."""
    machine = look(environ)
    try:
        choice = choose("real", machine, nodes=2)
    except MissingPrerequisite as error:
        return error.message
    return "; ".join(choice.reasons)


@pytest.fixture(scope="module")
def start_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """Starts a cluster with the given nodes; all of it is gone again when the module's tests are done."""
    import os

    if reason := obstacle(dict(os.environ)):
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("real") / "dev"

    def start(nodes: list[NodeWish]) -> DevCluster:
        options = DevOptions(folder, tuple(nodes), mode="real", nomad_port=0, consul_port=0, network="127.0.9.0/24")
        return up(options)

    try:
        yield start
    finally:
        down(folder)


@pytest.fixture(scope="module")
def syslog() -> Iterator[None]:
    """A socket at /dev/log where nothing listens: Docker would make a folder of that name."""
    if SYSLOG.exists():
        yield
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(SYSLOG))
        yield
    SYSLOG.unlink()
