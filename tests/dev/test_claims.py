"""What a local cluster holds: ports, and a folder of its own."""

from __future__ import annotations

import dataclasses
import os
import socket
from pathlib import Path

import pytest

from pryv_nomad.dev import claims, down, processes, status, up
from pryv_nomad.dev.nodes import NodeWish
from pryv_nomad.dev.options import DevOptions
from pryv_nomad.dev.state import DevState, Running, save
from pryv_nomad.errors import Refused


def _options(folder: Path, nomad_port: int | None = 0, consul_port: int | None = 0) -> DevOptions:
    return DevOptions(folder, (NodeWish("co1"),), "simulator", nomad_port, consul_port)


def _running_state(mode: str = "simulator") -> DevState:
    """A state whose process lives: this test's own."""
    us = Running("simulator", os.getpid(), processes.started_at(os.getpid()), "", "")
    return DevState(mode=mode, ports={"nomad": 4646, "consul": 8500}, processes=(us,))


def test_free_ports_are_chosen_where_none_is_asked_for(tmp_path: Path) -> None:
    ports = claims.state_for(tmp_path, _options(tmp_path), "real").ports
    assert len(set(ports.values())) == len(ports) == 6


def test_a_port_in_use_is_refused_with_the_option_to_change_it(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Refused, match=f"port {port} of 127.0.0.1 is in use") as caught:
            claims.state_for(tmp_path, _options(tmp_path, consul_port=port), "simulator")
    assert "--consul-port" in caught.value.remedy


def test_a_cluster_of_another_mode_is_not_taken_over(tmp_path: Path) -> None:
    save(tmp_path, _running_state("simulator"))
    with pytest.raises(Refused, match="a local cluster of mode simulator runs") as caught:
        claims.state_for(tmp_path, _options(tmp_path), "real")
    assert "dev down" in caught.value.remedy


def test_a_running_cluster_does_not_move_to_other_ports(tmp_path: Path) -> None:
    save(tmp_path, _running_state())
    with pytest.raises(Refused, match="runs on other ports"):
        claims.state_for(tmp_path, _options(tmp_path, nomad_port=4647), "simulator")
    assert claims.state_for(tmp_path, _options(tmp_path, nomad_port=None), "simulator").ports["nomad"] == 4646


def test_a_cluster_that_ended_keeps_its_ports(tmp_path: Path) -> None:
    ended = dataclasses.replace(_running_state(), processes=(Running("simulator", os.getpid(), "long ago", "", ""),))
    save(tmp_path, ended)
    assert claims.state_for(tmp_path, _options(tmp_path), "simulator") == ended


def test_a_folder_with_other_things_in_it_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(Refused, match="holds other things"):
        up(_options(tmp_path))
    assert not down(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_where_nothing_was_started_there_is_no_status(tmp_path: Path) -> None:
    assert status(tmp_path / "none") is None
