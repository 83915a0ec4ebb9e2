"""The registry's rendered job on a real Nomad: its own specs, but for what needs Docker (raw_exec in its place)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import requests
import yaml

from pryv_nomad.model.load import load_cluster
from pryv_nomad.specs.render import render
from tests.registry.farm import HERE, START_S

CHECKOUT = Path(__file__).resolve().parents[2]
PLATFORM: dict[str, Any] = {
    "platform": {"domain": "pryv.example", "name": "Lab"},
    "release": "1.9.2",
    "datacenters": ["dc1"],
    "hostings": {
        "ch": {"datacenter": "dc1", "url": "https://ch.example", "name": "Switzerland"},
        "fr": {"datacenter": "dc1", "url": "https://fr.example", "name": "France"},
    },
    "cores": [{"name": "co1", "hosting": "ch"}, {"name": "co50", "hosting": "fr"}],
    "registry": {"ip": "192.0.2.1", "follower": {"enabled": True}, "mail": {"enabled": False}},
    "static": {"ip": "192.0.2.3"},
    "update": {"min_healthy_time": "1s", "healthy_deadline": "90s", "progress_deadline": "2m"},
    "lifecycle": {"kill_timeout": "5s", "shutdown_delay": "1s", "restart": {"delay": "1s"}},
}
SECRETS = ("CORE_SYSTEM_KEY", "REGISTER_SYSTEM_KEY_1", "REGISTER_ADMIN_KEY")


def registry_job(folder: Path, consul: str, settle: float) -> dict[str, Any]:
    """The job `pryv-registry`, with its tasks as processes of this machine; last good files are in `folder`."""
    file = folder / "cluster.yml"
    file.write_text(yaml.safe_dump(PLATFORM))
    (spec,) = [each for each in render(load_cluster([file], env={})) if each.job_id == "pryv-registry"]
    job: dict[str, Any] = json.loads(spec.json_text)
    job["Constraints"] = []
    (group,) = job["TaskGroups"]
    group["Volumes"] = {}
    for task in group["Tasks"]:
        arguments = task["Config"].get("args", [])
        task["Driver"], task["VolumeMounts"] = "raw_exec", []
        task["Env"] = {**(task.get("Env") or {}), "PYTHONPATH": str(CHECKOUT)}
        if task["Name"] == "register":
            words = ["${NOMAD_HOST_PORT_register_http}", "${NOMAD_ALLOC_DIR}/registry/register.json", str(START_S)]
            task["Config"] = {"command": sys.executable, "args": [str(HERE / "standin_register.py"), *words]}
            continue
        words = [
            word.replace("/registry/register.json", f"{folder}/good.json", word.startswith("/registry"))
            for word in arguments
        ]
        more = ["--settle", str(settle)] if task["Name"] == "follow" else []
        task["Config"] = {"command": sys.executable, "args": ["-m", "pryv_nomad", *words, *more]}
        if task["Name"] == "follow":
            task["Env"]["CONSUL_HTTP_ADDR"] = consul
    return job


class OnNomad:
    """The job on a Nomad at `address`."""

    def __init__(self, address: str, job: dict[str, Any]) -> None:
        self.address, self.job = address, job

    def run(self) -> None:
        """Store what it needs, and register it."""
        for path in ("nomad/jobs", "nomad/jobs/pryv-registry"):
            self._put(f"/v1/var/{path}", {"Items": {key: key.replace("_", "")[:20].lower() for key in SECRETS}})
        self._put("/v1/jobs", {"Job": self.job})

    def allocations(self) -> list[dict[str, Any]]:
        """The allocations that run."""
        answer = requests.get(f"{self.address}/v1/job/pryv-registry/allocations", timeout=10)
        return [each for each in answer.json() if each["ClientStatus"] == "running"]

    def restarts(self) -> dict[str, int]:
        """How often each allocation's register was restarted."""
        return {each["ID"]: each["TaskStates"]["register"]["Restarts"] for each in self.allocations()}

    def log(self, allocation: str, task: str = "follow", stream: str = "stdout") -> str:
        """What a task said."""
        parameters = {"task": task, "type": stream, "plain": "true"}
        return requests.get(f"{self.address}/v1/client/fs/logs/{allocation}", parameters, timeout=10).text

    def said(self) -> str:
        """What all followers said last."""
        return "\n".join(
            self.log(each["ID"])[-1500:] + self.log(each["ID"], stream="stderr")[-800:] for each in self.allocations()
        )

    def deployment(self) -> str:
        """The status of the job's deployment."""
        found = requests.get(f"{self.address}/v1/job/pryv-registry/deployment", timeout=10).json()
        return str(found["Status"]) if found else ""

    def _put(self, path: str, body: dict[str, Any]) -> None:
        answer = requests.put(f"{self.address}{path}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
