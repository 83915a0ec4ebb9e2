"""`pryv-nomad dev` with the simulator: up, up again, status, down, as a user types them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pryv_nomad.cli import invoke
from pryv_nomad.dev import processes, state
from pryv_nomad.dev.ready import get

PLATFORM = """
platform: {domain: pryv.example, name: Pryv Lab, namespace: lab}
release: 1.9.2
datacenters: [dc1]
hostings: {ch: {datacenter: dc1, url: "https://ch.example"}}
cores: [{name: "co[1-COUNT]", hosting: ch}]
"""


class Lab:
    """A cluster file and a folder for the local cluster."""

    def __init__(self, folder: Path) -> None:
        self.file, self.folder = folder / "cluster.yml", folder / "dev"
        self.describe(cores=2)

    def describe(self, cores: int) -> None:
        self.file.write_text(PLATFORM.replace("COUNT", str(cores)))

    def dev(self, verb: str, *options: str) -> int:
        return invoke(["-c", str(self.file), "dev", verb, "--dir", str(self.folder), *options])

    def up(self) -> int:
        return self.dev("up", "--mode", "simulator", "--nomad-port", "0", "--consul-port", "0")

    def nodes(self) -> set[str]:
        found = state.load(self.folder)
        assert found is not None
        return {node["Name"] for node in get("127.0.0.1", found.ports["nomad"], "/v1/nodes")}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@pytest.fixture
def running(lab: Lab) -> Iterator[Lab]:
    assert lab.up() == 0
    yield lab
    lab.dev("down")


def test_the_nodes_of_the_platform_are_there(running: Lab) -> None:
    assert running.nodes() == {"co1", "co2", "registry", "static"}


def test_it_prints_what_the_shell_needs(running: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    assert running.up() == 0
    told = capfd.readouterr()
    found = state.load(running.folder)
    assert found is not None
    assert told.out == f"export NOMAD_ADDR={found.nomad}\nexport CONSUL_HTTP_ADDR={found.consul}\n"
    assert "the simulator: nothing really runs" in told.err


def test_the_platforms_namespace_is_there(running: Lab) -> None:
    found = state.load(running.folder)
    assert found is not None
    assert "lab" in {each["Name"] for each in get("127.0.0.1", found.ports["nomad"], "/v1/namespaces")}


def test_twice_changes_nothing(running: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    before = state.load(running.folder)
    capfd.readouterr()
    assert running.up() == 0
    assert state.load(running.folder) == before
    assert "nothing changed" in capfd.readouterr().err


def test_another_platform_gets_other_nodes(running: Lab) -> None:
    running.describe(cores=3)
    assert running.up() == 0
    assert running.nodes() == {"co1", "co2", "co3", "registry", "static"}


def test_status_says_when_it_has_ended(running: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    assert running.dev("status") == 0
    processes.end(processes.marked(running.folder))
    capfd.readouterr()
    assert running.dev("status") == 10
    assert "simulator has ended; `pryv-nomad dev up` starts it again" in capfd.readouterr().out


def test_down_leaves_nothing_behind(running: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    assert running.dev("down") == 0
    assert not running.folder.exists()
    assert processes.marked(running.folder) == []
    capfd.readouterr()
    assert running.dev("down") == 0
    assert "No local cluster" in capfd.readouterr().err


def test_without_a_cluster_there_is_no_status(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    assert lab.dev("status") == 10
    assert capfd.readouterr().out.startswith("No local cluster in ")


def test_a_folder_of_somebody_elses_is_refused(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    lab.folder.mkdir()
    (lab.folder / "thesis.txt").write_text("mine")
    assert lab.up() == 6
    assert "--dir" in capfd.readouterr().err
    assert lab.dev("down") == 0
    assert (lab.folder / "thesis.txt").exists()
