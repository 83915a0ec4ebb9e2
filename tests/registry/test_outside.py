"""The generated configuration of a machine outside Nomad, with the real consul-template and the real Consul."""

from __future__ import annotations

import configparser
import json
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from pryv_nomad.cli import invoke
from pryv_nomad.cli.registry import follow
from pryv_nomad.registry.outside import Machine, outside_files
from tests.consul_server import ConsulServer, until
from tests.registry.farm import Farm, binary
from tests.settings import platforms

from .texts import document


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """What the verb writes for the registry's machine of the examples' platform."""
    platforms.cluster(tmp_path)
    folder = tmp_path / "out"
    arguments = [
        "registry",
        "config",
        "-o",
        str(folder),
        "--address",
        "127.0.0.1",
        "--conf-root",
        str(tmp_path / "pryv"),
    ]
    arguments += ["--reload-command", f"touch {tmp_path / 'reloaded'}"]
    assert invoke(["-c", str(tmp_path / "cluster.yml"), *arguments]) == 0
    return folder


def test_files_are_whole_and_those_with_keys_are_for_their_owner(written: Path) -> None:
    modes = {
        str(path.relative_to(written)): path.stat().st_mode & 0o777 for path in written.rglob("*") if path.is_file()
    }
    assert modes["consul-template.hcl"] == modes["consul.env.example"] == 0o600
    assert {name for name in modes if name.startswith("systemd/")} == {
        "systemd/pryv-consul-template.service",
        "systemd/pryv-follow-dns.service",
        "systemd/pryv-follow-register.service",
    }


def test_consul_template_writes_all_of_it_and_ends_at_sigterm(written: Path, registry: Farm, tmp_path: Path) -> None:
    registry.join("co1")
    registry.count_changes(1)
    registry.client.catalog_register(
        {
            "Node": "reg",
            "Address": "192.0.2.1",
            "Service": {"Service": "pryv-register", "ID": "r", "Tags": ["registry"], "Port": 9000},
        }
    )
    registry.client.catalog_register(
        {
            "Node": "reg",
            "Address": "192.0.2.1",
            "Service": {"Service": "pryv-follower", "ID": "f", "Tags": ["registry"], "Port": 9190},
        }
    )
    for program in ("register", "dns"):
        own = written / "own" / f"{program}.json"
        own.parent.mkdir(exist_ok=True)
        own.write_text(json.dumps(document({"old": {"gone": {"ip": "192.0.2.9"}}}, redis__port=6379)))
    program = binary("consul-template")
    assert program
    command = [program, f"-config={written / 'consul-template.hcl'}"]
    registry.processes.start("outside", command, CONSUL_HTTP_ADDR=registry.consul.address)
    candidate = written / "candidate" / "register.json"
    targets = written / "targets" / "prometheus.json"
    until(candidate.exists, 20, registry.processes.log("outside"))
    until(targets.exists, 20, registry.processes.log("outside"))
    until((tmp_path / "reloaded").exists, 20, "nginx was reloaded")
    assert candidate.stat().st_mode & 0o777 == 0o600
    found = json.loads(candidate.read_text())
    assert list(found["net"]["hostings"]) == ["ch"]
    assert found["redis"]["port"] == 6379
    assert (
        "server 192.0.2.1:9000 max_fails" in (tmp_path / "pryv" / "nginx" / "conf" / "site-upstreams.conf").read_text()
    )
    assert [each["targets"] for each in json.loads(targets.read_text())] == [["192.0.2.1:9190"]]
    assert json.loads((written / "targets" / "statsd.json").read_text()) == []
    registry.processes.stop("outside")
    assert "Cleaning up" in registry.processes.log("outside") or not registry.processes.alive("outside")


def test_the_follower_s_unit_is_a_command_line_of_ours(written: Path) -> None:
    for name in ("register", "dns"):
        unit = configparser.ConfigParser(interpolation=None, strict=False)
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        unit.read(written / "systemd" / f"pryv-follow-{name}.service")
        _, verb, word, *arguments = shlex.split(unit["Service"]["ExecStart"])
        assert (verb, word) == ("registry", "follow")
        with follow.make_context("follow", arguments, obj=None) as context:
            assert context.params["service"] == f"pryv-{name}"
            assert context.params["restart_command"] == f"docker restart pryvio_{name}"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
def test_systemd_takes_the_units(written: Path) -> None:
    units = [str(path) for path in sorted((written / "systemd").iterdir())]
    told = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, timeout=60)
    lines = [line for line in told.stderr.splitlines() if str(written) in line and "not executable" not in line]
    assert lines == []


def test_consul_takes_the_services(written: Path, real_consul: ConsulServer) -> None:
    consul = binary("consul")
    assert consul
    environment = {"CONSUL_HTTP_ADDR": real_consul.address}
    try:
        for name in ("register", "dns"):
            file = written / "consul" / f"pryv-{name}.json"
            done = subprocess.run(
                [consul, "services", "register", str(file)], env=environment, capture_output=True, timeout=30
            )
            assert done.returncode == 0, done.stderr
    finally:
        for identity in ("pryv-register", "pryv-dns", "pryv-follower-register", "pryv-follower-dns"):
            command = [consul, "services", "deregister", f"-id={identity}"]
            subprocess.run(command, env=environment, capture_output=True, timeout=30)


def test_a_core_s_machine_gets_its_upstreams_only(tmp_path: Path) -> None:
    platform = platforms.cluster(tmp_path)
    core = platform.cores[0].name
    found = {file.path: file.text for file in outside_files(platform, Machine("core", "10.0.0.1", core=core))}
    assert "templates/register.json.ctmpl" not in found
    assert f'service "{core}.pryv-core-api"' in found["templates/site-upstreams.conf.ctmpl"]


@pytest.mark.parametrize(
    "wrong",
    [["--address", "nowhere"], ["--address", "10.0.0.1", "--role", "core"], ["--address", "10.0.0.1", "--core", "co1"]],
)
def test_wrong_usage(tmp_path: Path, wrong: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    platforms.cluster(tmp_path)
    arguments = ["registry", "config", "-o", str(tmp_path / "out"), *wrong]
    assert invoke(["-c", str(tmp_path / "cluster.yml"), *arguments]) == 2
    assert not (tmp_path / "out").exists()
    assert capfd.readouterr().err
    assert isinstance(follow, click.Command)
