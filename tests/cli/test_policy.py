"""Policies say this platform's namespace and domain, and no more than each reader needs."""

from __future__ import annotations

from pathlib import Path

import pygohcl
import pytest

from pryv_nomad.cli import invoke
from pryv_nomad.policies import POLICIES

CLUSTER = """\
platform: {domain: pryv.example, name: Pryv Lab, namespace: pryv-lab}
release: 1.9.2
datacenters: [dc1]
hostings: {ch: {datacenter: dc1, url: "https://ch.example"}}
cores: [{name: co1, hosting: ch}]
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "cluster.yml").write_text(CLUSTER)
    return str(tmp_path / "cluster.yml")


@pytest.mark.parametrize("name", POLICIES)
def test_each_policy_is_hcl_for_this_platform(file: str, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(["-c", file, "policy", name]) == 0
    text = capfd.readouterr().out
    assert pygohcl.loads(text)
    assert ("pryv-lab" if name.startswith("nomad") else "pryv-nomad/pryv.example/") in text


def test_a_viewer_writes_and_reads_no_secret(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(["-c", file, "policy", "nomad-viewer"]) == 0
    text = capfd.readouterr().out
    assert "submit-job" not in text
    assert '"write"' not in text


def test_the_list_says_who_needs_each(capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(["policy"]) == 0
    text = capfd.readouterr().out
    assert all(name in text for name in POLICIES)


def test_an_unknown_policy_is_wrong_usage(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(["-c", file, "policy", "root"]) == 2
    assert "nomad-operator" in capfd.readouterr().err
