"""The backends. The simulator always; a real Nomad and Consul where their programs are.

PRYV_NOMAD_CONTRACT=1 with NOMAD_ADDR runs the suite against a Nomad that is already there (one with a client that has
raw_exec, the host volume `data1`, the host network `private` on 127.0.0.1 and the meta `pryv_core = co1`); it registers
and purges jobs of its own names there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from contract import agents
from contract.world import World
from pryv_nomad.clients.consul import Consul
from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.clients.options import ConsulOptions, NomadOptions
from pryv_nomad.clients.retries import NEVER
from pryv_nomad.simulator import NodeSpec, Simulator
from pryv_nomad.simulator.http import Serving, serve

# Simulated seconds a second: fast, and slow enough that a test still sees what happens between two requests.
SPEED = 10.0

NODE = NodeSpec(
    "contract",
    address="127.0.0.1",
    meta={"pryv_core": "co1"},
    drivers=("raw_exec",),
    host_networks={"private": "127.0.0.1/32"},
    host_volumes={"data1": "/opt/data1"},
    cpu=8000,
    memory=4096,
)


@pytest.fixture(scope="session")
def simulated() -> Iterator[Serving]:
    simulator = Simulator(seed=1)
    simulator.add_node(NODE)
    with serve(simulator, speed=SPEED) as serving:
        yield serving


@pytest.fixture(scope="session")
def real_nomad_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if os.environ.get("PRYV_NOMAD_CONTRACT") == "1" and os.environ.get("NOMAD_ADDR"):
        yield os.environ["NOMAD_ADDR"]
        return
    if agents.nomad_binary() is None:
        pytest.skip("no nomad on PATH")
    with agents.real_nomad(tmp_path_factory.mktemp("nomad")) as address:
        yield address


@pytest.fixture(scope="session")
def real_consul_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if agents.consul_binary() is None:
        pytest.skip("no consul on PATH or in tools/bin")
    with agents.real_consul(tmp_path_factory.mktemp("consul")) as address:
        yield address


@pytest.fixture(params=["simulator", "real"])
def nomad_address(request: pytest.FixtureRequest) -> tuple[str, str]:
    if request.param == "simulator":
        return "simulator", request.getfixturevalue("simulated").nomad_address
    return "real", request.getfixturevalue("real_nomad_address")


@pytest.fixture
def nomad(nomad_address: tuple[str, str]) -> Iterator[World]:
    """A client of a backend that forgets the test's jobs afterwards."""
    kind, address = nomad_address
    with Nomad(NomadOptions(address=address), retries=NEVER) as client, contextlib.ExitStack() as stack:
        world = World(kind, client)
        stack.callback(world.clean_up)
        yield world


@pytest.fixture(params=["simulator", "real"])
def consul_address(request: pytest.FixtureRequest) -> str:
    if request.param == "simulator":
        return str(request.getfixturevalue("simulated").consul_address)
    return str(request.getfixturevalue("real_consul_address"))


@pytest.fixture
def consul(consul_address: str) -> Iterator[Consul]:
    with Consul(ConsulOptions(address=consul_address), retries=NEVER) as client:
        yield client
