"""Followers in Docker on a real Nomad, as the jobs have them: first start, a core that joins, a placed allocation."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from pryv_nomad.dev import wishes
from pryv_nomad.model.load import load_cluster
from tests.consul_server import until
from tests.real import own_image
from tests.real.conftest import Starter
from tests.real.platform import IMPATIENT, Platform, images_of

CLUSTER: dict[str, Any] = {
    "platform": {"domain": "pryv.example", "name": "Lab"},
    "release": "1.9.2",
    "datacenters": ["dc1"],
    "hostings": {"ch": {"datacenter": "dc1", "url": "https://ch.example", "name": "Switzerland"}},
    "cores": [{"name": "co1", "hosting": "ch", "ip": "192.0.2.1"}],
    "registry": {"ip": "192.0.2.2", "follower": {"enabled": True}, "mail": {"enabled": False}},
    "static": {"ip": "192.0.2.3"},
}
JOINS = {"name": "co50", "hosting": "ch", "ip": "192.0.2.50", "external": True}
FOLLOWED = (("pryv-registry", "register"), ("pryv-dns", "dns"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, ...]]:
    folder = tmp_path_factory.mktemp("followed")
    base, overlay = folder / "cluster.yml", folder / "overlay.yml"
    base.write_text(yaml.safe_dump(CLUSTER))
    overlay.write_text(IMPATIENT)
    model = load_cluster((base, overlay), (), {})
    with images_of(model):
        if reason := own_image.obstacle(model.own_image):
            pytest.skip(reason)
        with own_image.own_image(model.own_image):
            yield base, overlay


@pytest.fixture(scope="module")
def running(files: tuple[Path, ...], start_cluster: Starter) -> Platform:
    model = load_cluster(files, (), {})
    platform = Platform(files, None, model, start_cluster(wishes(model)))
    # The local cluster's Consul is not where a client's own agent would be.
    files[1].write_text(IMPATIENT + f"bridge: {{consul_address: {platform.cluster.consul!r}}}\n")
    platform.done("secrets", "init")
    platform.done("secrets", "tls", "--self-signed")
    platform.done("run", "--yes")
    return platform


def allocations(platform: Platform, job: str, task: str) -> list[dict[str, Any]]:
    found = platform.nomad(f"/v1/job/{job}/allocations")
    return [each for each in found if each["ClientStatus"] == "running" and task in (each["TaskStates"] or {})]


def listed(allocation: str, task: str) -> set[str]:
    """The cores in the file that a process mounts; empty while it is between two lives."""
    command = ["docker", "exec", f"{task}-{allocation}", "cat", f"/app/conf/{task}.json"]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    if told.returncode:
        return set()
    return {core for cores in json.loads(told.stdout)["net"]["hostings"].values() for core in cores}


def all_list(platform: Platform, cores: set[str]) -> bool:
    return all(listed(each["ID"], task) == cores for job, task in FOLLOWED for each in allocations(platform, job, task))


def said(platform: Platform) -> str:
    """What the followers logged last."""
    return "\n".join(
        subprocess.run(
            ["docker", "logs", "--tail", "15", f"follow-{each['ID']}"], capture_output=True, text=True, timeout=30
        ).stdout
        for job, task in FOLLOWED
        for each in allocations(platform, job, task)
    )


def test_a_platform_starts_and_its_first_core_is_in_every_file(running: Platform) -> None:
    until(lambda: all_list(running, {"co1"}), 60, said(running), 0.5)
    states = {each["JobID"]: each["Status"] for each in running.nomad("/v1/deployments")}
    assert set(states.values()) == {"successful"}


def test_a_core_that_joins_restarts_each_process_once_and_replaces_none(running: Platform) -> None:
    until(lambda: all_list(running, {"co1"}), 60, said(running), 0.5)

    def restarts() -> dict[str, int]:
        return {
            each["ID"]: each["TaskStates"][task]["Restarts"]
            for job, task in FOLLOWED
            for each in allocations(running, job, task)
        }

    def calm() -> bool:
        """No reload is under way: nobody has had the lock for a while."""
        before = restarts()
        try:
            until(lambda: restarts() != before, 25, "", 1.0)
        except AssertionError:
            return True
        return False

    until(calm, 180, said(running))
    before = restarts()
    data = {**CLUSTER, "cores": [*CLUSTER["cores"], JOINS]}
    running.files[0].write_text(yaml.safe_dump(data))
    running.done("run", "--yes", "--only", "pryv-registry")
    until(lambda: all_list(running, {"co1", "co50"}), 60, said(running), 0.5)
    until(lambda: all(restarts().get(each, 0) > count for each, count in before.items()), 180, said(running), 1.0)
    assert restarts().keys() == before.keys()


def test_a_placed_allocation_begins_with_the_last_good_file(running: Platform) -> None:
    before = {each["ID"] for each in allocations(running, "pryv-registry", "register")}
    stopped = sorted(before)[0]
    answer = requests.put(f"{running.cluster.nomad}/v1/allocation/{stopped}/stop", timeout=10)
    assert answer.status_code == 200, answer.text

    def placed() -> str:
        found = {each["ID"] for each in allocations(running, "pryv-registry", "register")} - before
        return next(iter(found), "")

    new = until(placed, 90, "another is placed", 0.5)
    parameters = {"task": "restore", "type": "stderr", "plain": "true"}
    url = f"{running.cluster.nomad}/v1/client/fs/logs/{new}"
    until(lambda: "restored" in requests.get(url, parameters, timeout=10).text, 30, "it begins with the last good file")
    files = list(running.cluster.folder.glob("nodes/*/volumes/pryv-registry-files/*.json"))
    assert {file.name for file in files} == {"register.json", "dns.json"}
    for file in files:
        assert (file.stat().st_mode & 0o777, file.stat().st_uid) == (0o400, 9999)
