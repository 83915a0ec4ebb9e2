"""The exported stack on a real Swarm of one node: every service runs, secrets reach their files, and an update to an
image that fails goes back by itself."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pryv_nomad.exports import swarm
from pryv_nomad.exports.folder import write_tree
from pryv_nomad.exports.roles import Target, machines
from pryv_nomad.model.cluster import Cluster
from tests.exports.platforms import SECRETS, filled, loaded, single_data
from tests.real import standins
from tests.specs.rendered import ODD, with_text

STACK = "pryv-export-test"
PREFIX = "pryv-export-test"
SETTINGS = {
    "EMAIL_SMTP_SETTINGS": {"host": "mail.example", "port": 587, "auth": {"user": "pryv"}},
}
WAIT = 180.0


def docker(*arguments: str, check: bool = True, given: str | None = None) -> str:
    found = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=False, timeout=120, input=given
    )
    assert found.returncode == 0 or not check, found.stderr
    return found.stdout.strip()


def obstacle() -> str:
    if shutil.which("docker") is None:
        return "no docker on this machine"
    state = docker("info", "--format", "{{.Swarm.LocalNodeState}}", check=False)
    if state != "inactive":
        return f"docker's Swarm is {state or 'not to be had'} on this machine"
    return "; ".join(standins.obstacles([]))


def until(done: Callable[[], bool], what: Callable[[], str]) -> None:
    deadline = time.monotonic() + WAIT
    while not done():
        assert time.monotonic() < deadline, what()
        time.sleep(0.5)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """A platform on one machine, small and quick, with images of its own."""
    data = single_data(SETTINGS)
    data["cores"][0] |= {"procs": 2, "hfs_procs": 1}
    data["update"] = {"min_healthy_time": "3s", "healthy_deadline": "60s", "progress_deadline": "90s"}
    data["lifecycle"] = {"restart": {"delay": "1s"}, "kill_timeout": "5s"}
    plain = loaded(tmp_path_factory.mktemp("plain"), data)
    used = {service.component for machine in machines(plain, Target(lambda *_: "x")) for service in machine.services}
    data["images"] = {"overrides": {name: f"{PREFIX}/{name.replace('_', '-')}:1" for name in sorted(used)}}
    return with_text(loaded(tmp_path_factory.mktemp("platform"), data), "".join(ODD) + "$HOME ${x} {/")


@pytest.fixture(scope="module")
def stack(platform: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The platform's stack, deployed; Swarm, images and volumes are gone again afterwards."""
    if reason := obstacle():
        pytest.skip(reason)
    images = {platform.image(name): (name, platform.component(name)) for name in platform.file.images.overrides}
    folder = tmp_path_factory.mktemp("swarm") / "out"
    networks = set(docker("network", "ls", "-q").split())
    standins.build(images)
    try:
        docker("swarm", "init", "--advertise-addr", "127.0.0.1")
        write_tree(swarm.tree(platform, "dnsrr"), folder, "swarm")
        file = folder / "platform.yml"
        # Ports of the machine may be taken by others here.
        text = re.sub(r"published: \d+", lambda _: f"published: {free_port()}", file.read_text())
        file.write_text(text.replace('source: "/dev/log"', f"source: {folder}"))
        node = docker("node", "ls", "-q")
        docker("node", "update", "--label-add", "pryv_role=single", node)
        for key, secret in yaml.safe_load(text)["secrets"].items():
            docker("secret", "create", secret["name"], "-", given=SECRETS.get(key, "certificate"))
        docker("stack", "deploy", "--resolve-image", "never", "-c", str(file), STACK)
        yield file
    finally:
        docker("stack", "rm", STACK, check=False)
        until(lambda: not containers(), lambda: "containers stay")
        docker("swarm", "leave", "--force", check=False)
        for volume in docker("volume", "ls", "-q", "--filter", f"name={STACK}_").split():
            docker("volume", "rm", volume, check=False)
        for network in set(docker("network", "ls", "-q", "--filter", "name=docker_gwbridge").split()) - networks:
            docker("network", "rm", network, check=False)
        standins.remove([*images, f"{PREFIX}/hfs:2"])


def containers() -> list[str]:
    return docker("ps", "-aq", "--filter", f"label=com.docker.stack.namespace={STACK}").split()


def service(name: str) -> dict[str, Any]:
    found = json.loads(docker("service", "inspect", f"{STACK}_{name}"))[0]
    assert isinstance(found, dict)
    return found


def replicas() -> dict[str, str]:
    lines = docker("service", "ls", "--format", "{{.Name}} {{.Replicas}}").splitlines()
    return {line.split()[0].removeprefix(f"{STACK}_"): line.split()[1] for line in lines if line.startswith(STACK)}


def failures() -> str:
    return docker("stack", "ps", STACK, "--no-trunc", "--format", "{{.Name}} {{.CurrentState}} {{.Error}}")


def running(name: str) -> str:
    """The id of the container that runs a service."""
    label = f"label=com.docker.swarm.service.name={STACK}_{name}"
    return docker("ps", "-q", "--filter", label, "--filter", "status=running").split()[0]


def test_every_service_runs(stack: Path, platform: Cluster) -> None:
    wanted = {name: f"{part['deploy']['replicas']}/{part['deploy']['replicas']}"
              for name, part in yaml.safe_load(stack.read_text())["services"].items()}  # fmt: skip
    assert len(wanted) == 13
    until(lambda: replicas() == wanted, lambda: f"{replicas()}\n{failures()}")


def test_every_file_in_a_container_is_what_it_must_be(stack: Path, platform: Cluster) -> None:
    test_every_service_runs(stack, platform)
    # The view that the export itself was made of, host names included.
    machine = machines(platform, Target(swarm.host, swarm.edge(platform)))[0]
    compared = 0
    for each in machine.services:
        container = running(each.component.replace("_", "-"))
        for file in each.files:
            found = subprocess.run(
                ["docker", "exec", container, "cat", file.target], capture_output=True, check=True, timeout=60
            )
            assert found.stdout.decode() == filled(file.parts), file.target
            compared += 1
    assert compared > 25


def test_an_update_that_fails_goes_back_by_itself(stack: Path, platform: Cluster) -> None:
    test_every_service_runs(stack, platform)
    before = service("hfs")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
    docker("import", "--change", 'ENTRYPOINT ["/no/such/program"]', "-", f"{PREFIX}/hfs:2", given="")
    text = stack.read_text()
    broken = stack.with_name("broken.yml")
    broken.write_text(text.replace(f"{PREFIX}/hfs:1", f"{PREFIX}/hfs:2"))
    docker("stack", "deploy", "--resolve-image", "never", "-c", str(broken), STACK)

    def state() -> str:
        return str((service("hfs").get("UpdateStatus") or {}).get("State"))

    until(lambda: state() == "rollback_completed", lambda: f"{state()}\n{failures()}")
    assert service("hfs")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == before
    test_every_service_runs(stack, platform)
