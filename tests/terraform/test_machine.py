"""What the module nomad-machine makes: files that Nomad, Consul, a shell and cloud-init themselves accept."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pryv_nomad.dev.nodes import wishes
from pryv_nomad.model.load import load_cluster
from tests.terraform.tools import PROGRAMS, ROOT, Tool

SMALLEST = """\
platform: {domain: pryv.example, name: Pryv Lab}
release: 1.9.2
datacenters: [dc1]
hostings: {ch: {datacenter: dc1, url: "https://ch.example", name: Switzerland}}
cores: [{name: co1, hosting: ch}]
registry: {replica: {}}
"""
BASE = {"private_cidr": "127.0.0.0/8", "retry_join": ["127.0.0.1"]}
MACHINES = {
    "co1": {"name": "co1", "core": "co1", "public_ip": "203.0.113.1", "disk": "/dev/vdb", "node_class": "large"},
    "registry": {"roles": ["registry", "static"], "secrets": {"docker_config": "file:/root/docker.json"}},
    "replica": {"roles": ["replica"]},
    "server": {"servers": 3, "secrets": {"nomad_gossip": "ssm:/pryv/nomad", "consul_gossip": "ssm:/pryv/consul"}},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The outputs for each of MACHINES."""
    if not PROGRAMS:
        pytest.skip("neither terraform nor tofu is on PATH")
    folder = tmp_path_factory.mktemp("machine")
    tool = Tool(PROGRAMS[0], folder)
    source = tool.prepare() / "modules" / "nomad-machine"
    root = folder / "root"
    root.mkdir()
    modules = {name: {"source": str(source), **BASE, **given} for name, given in MACHINES.items()}
    outputs = {name: {"value": f"${{module.{name}}}"} for name in MACHINES}
    (root / "main.tf.json").write_text(json.dumps({"module": modules, "output": outputs}))
    tool.ok(root, "init", "-no-color")
    tool.ok(root, "apply", "-auto-approve", "-no-color")
    return {name: output["value"] for name, output in json.loads(tool.ok(root, "output", "-json")).items()}


def written(made: dict[str, Any], machine: str, path: str, folder: Path) -> Path:
    file = folder / Path(path).name
    file.write_text(made[machine]["files"][path]["content"])
    return file


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.skipif(not shutil.which("nomad"), reason="no nomad on PATH")
def test_nomad_takes_its_configuration(made: dict[str, Any], machine: str, tmp_path: Path) -> None:
    file = written(made, machine, "/etc/nomad.d/10-pryv.json", tmp_path)
    done = subprocess.run(["nomad", "config", "validate", str(file)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("machine", MACHINES)
def test_consul_takes_its_configuration(made: dict[str, Any], machine: str, tmp_path: Path) -> None:
    consul = shutil.which("consul", path=f"{ROOT / 'tools' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    if consul is None:
        pytest.skip("no Consul on this machine")
    file = written(made, machine, "/etc/consul.d/10-pryv.json", tmp_path)
    done = subprocess.run([consul, "validate", str(file)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_client_is_what_the_specs_need(made: dict[str, Any], tmp_path: Path) -> None:
    """The volumes and meta of the local cluster's nodes, which run the examples as they are."""
    (tmp_path / "cluster.yml").write_text(SMALLEST)
    wanted = {node.name: node for node in wishes(load_cluster([tmp_path / "cluster.yml"], (), {}))}
    for name in ("co1", "registry", "replica"):
        client = json.loads(made[name]["files"]["/etc/nomad.d/10-pryv.json"]["content"])["client"]
        assert sorted(client["host_volume"]) == sorted(wanted[name].volumes)
        for key, value in wanted[name].meta:
            assert value in client["meta"][key].split(",")
        assert "private" in client["host_network"]


@pytest.mark.parametrize("machine", MACHINES)
def test_the_scripts_are_shell(made: dict[str, Any], machine: str) -> None:
    for text in (made[machine]["script"], made[machine]["files"]["/usr/local/sbin/pryv-machine"]["content"]):
        done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("machine", MACHINES)
def test_cloud_init_writes_the_same_files(made: dict[str, Any], machine: str) -> None:
    text = made[machine]["cloud_init"]
    assert text.startswith("#cloud-config\n")
    document = yaml.safe_load(text)
    files = {file["path"]: base64.b64decode(file["content"]).decode() for file in document["write_files"]}
    assert files == {path: file["content"] for path, file in made[machine]["files"].items()}
    assert len(gzip.compress(text.encode())) < 16_384  # what EC2 takes as user data


def test_the_script_writes_the_files_where_they_belong(made: dict[str, Any], tmp_path: Path) -> None:
    installs = [line for line in made["co1"]["script"].splitlines() if line.startswith("install ")]
    assert len(installs) == len(made["co1"]["files"])
    moved = "\n".join(re.sub(r" (/(?:etc|usr)/\S+)$", rf" {tmp_path}\1", line) for line in installs)
    subprocess.run(["bash", "-euo", "pipefail", "-c", moved], check=True, timeout=60)
    for path, file in made["co1"]["files"].items():
        there = tmp_path / path.lstrip("/")
        assert there.read_text() == file["content"]
        assert f"{there.stat().st_mode & 0o7777:04o}" == file["mode"]


def test_no_secret_but_where_it_is_stands_in_the_files(made: dict[str, Any]) -> None:
    settings = made["server"]["files"]["/etc/pryv/machine.env"]["content"]
    assert "CONSUL_GOSSIP='ssm:/pryv/consul'" in settings
    configuration = made["server"]["files"]["/etc/consul.d/10-pryv.json"]["content"]
    assert "encrypt" not in json.loads(configuration)
