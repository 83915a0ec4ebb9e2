"""What is made of a machine: a real cluster, one node of it, or the simulator."""

from __future__ import annotations

from pathlib import Path

import pytest

from pryv_nomad.dev.machine import MOST_NODES, Machine, Mode, choose, look
from pryv_nomad.errors import MissingPrerequisite

FULL = Machine("/bin/nomad", "/bin/consul", "/bin/docker", many_nodes=True)
USER = Machine("/bin/nomad", "/bin/consul", "/bin/docker", many_nodes=False)
BARE = Machine("", "", "", many_nodes=False)


@pytest.mark.parametrize(
    ("wanted", "machine", "nodes", "mode", "one_node"),
    [
        ("auto", FULL, 7, "real", False),
        ("auto", USER, 7, "real", True),
        ("auto", USER, 1, "real", False),
        ("auto", BARE, 7, "simulator", False),
        ("auto", FULL, MOST_NODES + 1, "simulator", False),
        ("simulator", FULL, 7, "simulator", False),
        ("real", FULL, MOST_NODES, "real", False),
    ],
)
def test_choice(wanted: Mode, machine: Machine, nodes: int, mode: str, one_node: bool) -> None:
    choice = choose(wanted, machine, nodes)
    assert (choice.mode, choice.one_node) == (mode, one_node)


def test_what_is_missing_is_named() -> None:
    assert choose("auto", BARE, 1).reasons == ("nomad is not on PATH", "consul is not on PATH")
    assert "only the first core is placed" in choose("auto", USER, 3).reasons[0]
    assert choose("auto", FULL, 3).reasons == ()


def test_a_real_cluster_that_cannot_be_had_is_an_error() -> None:
    with pytest.raises(MissingPrerequisite, match="nomad is not on PATH; consul is not on PATH") as caught:
        choose("real", BARE, 1)
    assert "--mode simulator" in caught.value.remedy
    with pytest.raises(MissingPrerequisite, match="17 nodes are too many"):
        choose("real", FULL, 17)


def test_programs_are_found_on_the_given_path(tmp_path: Path) -> None:
    program = tmp_path / "nomad"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    found = look({"PATH": str(tmp_path)})
    assert found.nomad == str(program)
    assert found.docker == ""
    assert not found.many_nodes  # no ip on this path
