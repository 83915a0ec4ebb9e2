"""A whole platform on a real Nomad: imported from release 1.9.2's own configuration, its specs as they are.

Registry, replica, static site and three cores in two hostings, each on a node of its own, in Docker, with stand-ins
under the real images' names. Where the published configuration is not on this machine, the two-hostings example.
"""

from __future__ import annotations

import json
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pryv_nomad.dev import wishes
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.load import load_cluster
from tests import leader
from tests.real.conftest import Starter
from tests.real.platform import CHECKOUT, IMPATIENT, Platform, images_of

# What an operator adds after an import: where the hostings are; here also a third core.
IMPORTED = """
datacenters: [zurich, paris]
hostings: {hosting1: {datacenter: zurich}, hosting2: {datacenter: paris}}
cores: [{name: co3, hosting: hosting1, ip: 203.0.113.3}]
registry: {replica: {datacenter: paris}}
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[tuple[Path, ...], Path | None]:
    """The cluster file with its overlay, and the config-leader folder that it was imported from."""
    folder = tmp_path_factory.mktemp("platform")
    base, overlay = folder / "cluster.yml", folder / "overlay.yml"
    published = leader.reference() / "cluster" / "config-leader"
    if not published.is_dir():
        shutil.copyfile(CHECKOUT / "examples" / "two-hostings" / "cluster.yml", base)
        overlay.write_text(IMPATIENT)
        return (base, overlay), None
    root = leader.filled_in(published, folder / "leader")
    command = [sys.executable, "-m", "pryv_nomad", "import", str(root), "-o", str(base)]
    subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, timeout=60)
    overlay.write_text(IMPORTED + IMPATIENT)
    return (base, overlay), root


@pytest.fixture(scope="module")
def model(files: tuple[tuple[Path, ...], Path | None]) -> Iterator[Cluster]:
    """The platform's model; its images are on the machine for as long as it is used."""
    model = load_cluster(files[0], (), {})
    with images_of(model):
        yield model


@pytest.fixture(scope="module")
def platform(files: tuple[tuple[Path, ...], Path | None], model: Cluster, start_cluster: Starter) -> Platform:
    return Platform(*files, model, start_cluster(wishes(model)))


@pytest.fixture(scope="module")
def running(platform: Platform) -> Platform:
    """The platform after `run`."""
    taken = ("--from", str(platform.leader)) if platform.leader else ()
    platform.done("secrets", "init", *taken)
    if platform.leader is None:
        platform.done("secrets", "set", "EMAIL_SMTP_PASSWORD", given="not a real one")
    platform.done("secrets", "tls", "--self-signed")
    platform.done("run", "--yes")
    return platform


def test_the_nodes_have_all_that_the_jobs_need(platform: Platform) -> None:
    plan = json.loads(platform.cli("plan", "--json").stdout)
    assert {change["action"] for change in plan["changes"]} <= {"create", "update"}
    assert platform.cli("plan").stderr.count("lacks") == 0


def test_all_deployments_become_successful(running: Platform) -> None:
    deployments = running.nomad("/v1/deployments")
    assert len({each["JobID"] for each in deployments}) == len(running.nomad("/v1/jobs"))
    assert {(each["JobID"], each["Status"]) for each in deployments if each["Status"] != "successful"} == set()


def test_what_runs_is_what_was_rendered(running: Platform) -> None:
    assert running.cli("plan").returncode == 0
    rendered = {json.loads(line)["Job"]["ID"] for line in running.done("render", "--format", "json").splitlines()}
    assert {job["ID"] for job in running.nomad("/v1/jobs")} == rendered


def test_the_registry_reads_every_core_of_the_platform(running: Platform) -> None:
    wanted: dict[str, set[str]] = {}
    for core in running.model.cores:
        wanted.setdefault(core.hosting, set()).add(core.name)

    def listed() -> dict[str, set[str]]:
        text = _file_in_container(running, "pryv-registry", "register", "/app/conf/register.json")
        return {hosting: set(cores) for hosting, cores in json.loads(text)["net"]["hostings"].items()}

    deadline = time.monotonic() + 150
    while (found := listed()) != wanted and time.monotonic() < deadline:
        time.sleep(1)
    assert found == wanted


def test_every_core_answers_at_its_own_address(running: Platform) -> None:
    for core in running.model.deployed_cores:
        address = running.cluster.nodes[core.node or core.name]
        for port in (80, 443):
            socket.create_connection((address, port), timeout=5).close()


def test_both_name_servers_answer_on_port_53(running: Platform) -> None:
    for node in ("registry", "replica"):
        assert _asks_for_an_address(running.cluster.nodes[node], f"reg.{running.model.domain}")


def test_containers_run_as_the_user_who_owns_the_volumes(running: Platform) -> None:
    for volume in running.cluster.folder.glob("nodes/*/volumes/pryv-mongodb-data"):
        written = volume / ".stand-in"
        assert (written.stat().st_uid, written.stat().st_gid) == (9999, 9999)


CHANGES = {
    "the image of core": 'images.overrides={core: "pryvio/core:1.9.2-next"}',
    "a setting of mail": "settings.EMAIL_SENDER={name: Somebody else, address: somebody@pryv.example}",
    "the log rotation of all tasks": "logs.max_files=7",
    "the name of the platform": "platform.name=Another name",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_replaces_no_database(running: Platform, change: str) -> None:
    plan = json.loads(running.cli("--set", CHANGES[change], "plan", "--json", "--no-nodes").stdout)
    assert plan["changes"], change
    effects = {(item["job"], group["name"], group["effect"]) for item in plan["changes"] for group in item["groups"]}
    databases = {each for each in effects if each[1] in ("mongodb", "influxdb", "redis")}
    assert {effect for _, _, effect in databases} <= {"ignore", "update in place"}, databases


def test_an_applied_change_leaves_every_other_job_as_it_is(running: Platform) -> None:
    before = {job["ID"]: job["JobModifyIndex"] for job in running.nomad("/v1/jobs")}
    running.done("--set", CHANGES["a setting of mail"], "run", "--yes")
    after = {job["ID"]: job["JobModifyIndex"] for job in running.nomad("/v1/jobs")}
    assert {job for job in after if after[job] != before[job]} == {"pryv-registry"}


def _file_in_container(platform: Platform, job: str, task: str, path: str) -> str:
    (allocation, *_) = [
        each["ID"]
        for each in platform.nomad(f"/v1/job/{job}/allocations")
        if each["ClientStatus"] == "running" and task in (each["TaskStates"] or {})
    ]
    command = ["docker", "exec", f"{task}-{allocation}", "cat", path]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout


def _asks_for_an_address(server: str, name: str) -> bool:
    """Whether the name server answers an A query for `name`."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(
            struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1), (server, 53)
        )
        answer = client.recv(512)
    return struct.unpack("!H", answer[6:8]) == (1,)
