"""The exported stack on a real Swarm of one node: every service runs, secrets reach their files, and an update to an
image that fails goes back by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pryv_nomad.exports import swarm
from pryv_nomad.exports.folder import write_tree
from pryv_nomad.exports.roles import Target, machines
from pryv_nomad.model.cluster import Cluster
from tests.exports.engine import docker, images, obstacles, read, small_platform, swarm_state, until
from tests.exports.platforms import SECRETS, filled
from tests.ports import free_port
from tests.real import standins

STACK = PREFIX = "pryv-export-test"
BRIDGE = "docker_gwbridge"


def obstacle() -> str:
    state = swarm_state()
    return obstacles() if state == "inactive" else f"docker's Swarm is {state or 'not to be had'} on this machine"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    return small_platform(tmp_path_factory.mktemp("platform"), PREFIX)


@pytest.fixture(scope="module")
def stack(platform: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The platform's stack, deployed; Swarm, images, volumes and network are gone again afterwards."""
    if reason := obstacle():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("swarm") / "out"
    bridged = bool(docker("network", "ls", "-q", "--filter", f"name={BRIDGE}"))
    try:
        standins.build(images(platform))
        docker("swarm", "init", "--advertise-addr", "127.0.0.1")
        yield deployed(platform, folder)
    finally:
        docker("stack", "rm", STACK, check=False)
        until(lambda: not containers(), lambda: "containers stay")
        docker("swarm", "leave", "--force", check=False)
        for volume in docker("volume", "ls", "-q", "--filter", f"name={STACK}_").split():
            docker("volume", "rm", volume, check=False)
        if not bridged:
            # Swarm leaves its bridge behind, with an end of its own in it.
            docker("network", "disconnect", "--force", BRIDGE, "gateway_ingress-sbox", check=False)
            docker("network", "rm", BRIDGE, check=False)
        standins.remove([*images(platform), f"{PREFIX}/hfs:2"])


def deployed(platform: Cluster, folder: Path) -> Path:
    """Label the node, make the secrets and deploy the stack; its file."""
    write_tree(swarm.tree(platform, "dnsrr"), folder, "swarm")
    file = folder / "platform.yml"
    # Ports of the machine may be taken by others here, and a syslog may be missing.
    text = re.sub(r"published: \d+", lambda _: f"published: {free_port()}", file.read_text())
    file.write_text(text.replace('source: "/dev/log"', f"source: {folder}"))
    docker("node", "update", "--label-add", "pryv_role=single", docker("node", "ls", "-q"))
    for key, secret in yaml.safe_load(text)["secrets"].items():
        docker("secret", "create", secret["name"], "-", given=SECRETS.get(key, "certificate"))
    docker("stack", "deploy", "--resolve-image", "never", "-c", str(file), STACK)
    return file


def containers() -> list[str]:
    return docker("ps", "-aq", "--filter", f"label=com.docker.stack.namespace={STACK}").split()


def service(name: str) -> dict[str, Any]:
    found = json.loads(docker("service", "inspect", f"{STACK}_{name}"))[0]
    assert isinstance(found, dict)
    return found


def replicas() -> dict[str, str]:
    lines = docker("service", "ls", "--format", "{{.Name}} {{.Replicas}}").splitlines()
    return {line.split()[0].removeprefix(f"{STACK}_"): line.split()[1] for line in lines if line.startswith(STACK)}


def states() -> str:
    return docker("stack", "ps", STACK, "--no-trunc", "--format", "{{.Name}} {{.CurrentState}} {{.Error}}")


def running(name: str) -> str:
    """The id of a container that runs a service."""
    label = f"label=com.docker.swarm.service.name={STACK}_{name}"
    return docker("ps", "-q", "--filter", label, "--filter", "status=running").split()[0]


def await_all(stack: Path) -> None:
    services = yaml.safe_load(stack.read_text())["services"]
    wanted = {name: f"{each['deploy']['replicas']}/{each['deploy']['replicas']}" for name, each in services.items()}
    assert len(wanted) == 13
    until(lambda: replicas() == wanted, lambda: f"{replicas()}\n{states()}")


def test_every_service_runs(stack: Path) -> None:
    await_all(stack)


def test_every_file_in_a_container_is_what_it_must_be(stack: Path, platform: Cluster) -> None:
    await_all(stack)
    compared = 0
    for each in machines(platform, Target(swarm.host, swarm.edge(platform)))[0].services:
        container = running(each.component.replace("_", "-"))
        for file in each.files:
            assert read(container, file.target) == filled(file.parts), file.target
            compared += 1
    assert compared > 25


def test_an_update_that_fails_goes_back_by_itself(stack: Path) -> None:
    await_all(stack)
    before = service("hfs")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
    docker("import", "--change", 'ENTRYPOINT ["/no/such/program"]', "-", f"{PREFIX}/hfs:2", given="")
    broken = stack.with_name("broken.yml")
    broken.write_text(stack.read_text().replace(f"{PREFIX}/hfs:1", f"{PREFIX}/hfs:2"))
    docker("stack", "deploy", "--resolve-image", "never", "-c", str(broken), STACK)

    def state() -> str:
        return str((service("hfs").get("UpdateStatus") or {}).get("State"))

    until(lambda: state() == "rollback_completed", lambda: f"{state()}\n{states()}")
    assert service("hfs")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == before
    await_all(stack)
