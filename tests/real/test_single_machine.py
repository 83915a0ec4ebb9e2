"""The single-machine lab on a real Nomad: one node, one edge for all roles."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pryv_nomad.dev import wishes
from pryv_nomad.model.load import load_cluster
from tests.real.conftest import Starter
from tests.real.platform import CHECKOUT, IMPATIENT, Platform, images_of


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, ...]]:
    """The example with its overlay; its images are on the machine for as long as it is used."""
    overlay = tmp_path_factory.mktemp("lab") / "overlay.yml"
    overlay.write_text(IMPATIENT)
    named = (CHECKOUT / "examples" / "single-machine-lab" / "cluster.yml", overlay)
    with images_of(load_cluster(named, (), {})):
        yield named


def test_the_lab_becomes_healthy_and_stays_as_it_is(files: tuple[Path, ...], start_cluster: Starter) -> None:
    model = load_cluster(files, (), {})
    lab = Platform(files, None, model, start_cluster(wishes(model)))
    lab.done("secrets", "init")
    lab.done("secrets", "tls", "--self-signed")
    lab.done("run", "--yes")
    assert {each["Status"] for each in lab.nomad("/v1/deployments")} == {"successful"}
    assert lab.cli("plan").returncode == 0
    (address,) = lab.cluster.nodes.values()
    for port in (80, 443):
        socket.create_connection((address, port), timeout=5).close()
