"""Real servers that refuse whoever has no token: Nomad with ACLs, and Consul with ACLs and default deny."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from pryv_nomad.clients.consul import Consul
from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.clients.options import ConsulOptions, NomadOptions
from pryv_nomad.clients.retries import NEVER
from tests.contract import agents

MANAGEMENT = "00000000-0000-4000-8000-000000000001"
"""Consul's management token."""


@dataclass(frozen=True)
class NomadServer:
    """A Nomad that runs. `token`: its management token, empty where it has no ACLs."""

    address: str
    token: str

    def client(self, token: str, namespace: str = "default") -> Nomad:
        """A client with `token` that sees every refusal at once."""
        return Nomad(NomadOptions(address=self.address, token=token, namespace=namespace), retries=NEVER)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """What only an administrator does."""
        answer = requests.request(
            method, f"{self.address}/v1/{path}", json=body, headers={"X-Nomad-Token": self.token}, timeout=10
        )
        assert answer.ok, answer.text
        return answer.json() if answer.content.strip() else None

    def policy(self, name: str, rules: str, **job: str) -> None:
        """Apply a policy; `Namespace` and `JobID` attach it to a job."""
        body = {"Name": name, "Rules": rules, "JobACL": job or None}
        self.call("POST", f"acl/policy/{name}", body)

    def token_of(self, *policies: str) -> str:
        """A new token with these policies."""
        made = self.call("POST", "acl/token", {"Name": "test", "Type": "client", "Policies": policies})
        return str(made["SecretID"])


@dataclass(frozen=True)
class ConsulServer:
    """A Consul that runs."""

    address: str

    def client(self, token: str) -> Consul:
        """A client with `token` that sees every refusal at once."""
        return Consul(ConsulOptions(address=self.address, token=token), retries=NEVER)

    def token_of(self, name: str, rules: str) -> str:
        """A new token with a new policy of these rules."""
        self._put("acl/policy", {"Name": name, "Rules": rules})
        return str(self._put("acl/token", {"Policies": [{"Name": name}]})["SecretID"])

    def _put(self, path: str, body: Any) -> Any:
        headers = {"X-Consul-Token": MANAGEMENT}
        answer = requests.put(f"{self.address}/v1/{path}", json=body, headers=headers, timeout=10)
        assert answer.ok, answer.text
        return answer.json()


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a short name: the path of a Unix socket holds 107 characters, and Nomad makes some deep in it."""
    folder = Path(tempfile.mkdtemp(prefix="pn"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def nomad_server(acl: bool = True) -> Iterator[NomadServer]:
    """A server and client that run raw_exec tasks, with ACLs unless told otherwise."""
    http, rpc, serf = agents.free_ports(3)
    with short_folder() as folder:
        (folder / "volume").mkdir()
        places = {"data": folder / "data", "volume": folder / "volume", "consul": "127.0.0.1:1"}
        config = agents.NOMAD_CONFIG.format(http=http, rpc=rpc, serf=serf, **places)
        (folder / "agent.hcl").write_text(config + (ACL if acl else ""))
        address = f"http://127.0.0.1:{http}"
        command = [str(agents.nomad_binary()), "agent", "-config", str(folder / "agent.hcl")]
        with agents._unmounted(folder), agents.running(command, folder) as process:
            server = NomadServer(address, "")
            try:
                agents.wait_for(
                    lambda: process.poll() is not None or agents.answers(f"{address}/v1/status/leader", bool),
                    "no Nomad leader",
                )
                assert process.poll() is None, (folder / "output.log").read_text()[-2000:]
                server = NomadServer(address, _bootstrapped(address) if acl else "")
                agents.wait_for(lambda: _ready(server), "no ready Nomad client")
                yield server
            finally:
                _end_jobs(server, folder)


ACL = """
acl {
  enabled = true
}
"""


def _bootstrapped(address: str) -> str:
    """The management token, as soon as the leader gives one."""
    found: list[str] = []

    def asked() -> bool:
        answer = requests.post(f"{address}/v1/acl/bootstrap", timeout=5)
        if answer.ok:
            found.append(str(answer.json()["SecretID"]))
        return bool(found)

    agents.wait_for(asked, "no management token")
    return found[0]


def _ready(server: NomadServer) -> bool:
    with server.client(server.token) as nomad:
        return [node["Status"] for node in nomad.nodes()] == ["ready"]


def _end_jobs(server: NomadServer, folder: Path) -> None:
    """Stop every job, and wait until no task is left."""
    with contextlib.suppress(requests.RequestException, AssertionError):
        for job in server.call("GET", "jobs?namespace=*"):
            server.call("DELETE", f"job/{job['ID'].replace('/', '%2F')}?purge=true&namespace={job['Namespace']}")
    with contextlib.suppress(TimeoutError):
        agents.wait_for(lambda: not agents._tasks_under(folder / "data" / "alloc"), "tasks still run", seconds=10)


@contextlib.contextmanager
def consul_server(folder: Path) -> Iterator[ConsulServer]:
    """A Consul in memory that denies by default."""
    http, server, lan = agents.free_ports(3)
    folder.mkdir(parents=True, exist_ok=True)
    acl = {"enabled": True, "default_policy": "deny", "tokens": {"initial_management": MANAGEMENT}}
    (folder / "acl.json").write_text(json.dumps({"acl": acl}))
    command = [str(agents.consul_binary()), "agent", "-dev", "-bind=127.0.0.1", "-node=test", f"-http-port={http}"]
    command += [f"-server-port={server}", f"-serf-lan-port={lan}", "-serf-wan-port=-1", "-dns-port=-1"]
    command += ["-grpc-port=-1", "-grpc-tls-port=-1", "-log-level=err", "-disable-host-node-id"]
    command += [f"-config-file={folder / 'acl.json'}"]
    made = ConsulServer(f"http://127.0.0.1:{http}")
    with agents.running(command, folder) as process:
        agents.wait_for(lambda: process.poll() is not None or _answers(made), "no Consul")
        assert process.poll() is None, (folder / "output.log").read_text()[-2000:]
        yield made


def _answers(made: ConsulServer) -> bool:
    try:
        answer = requests.get(f"{made.address}/v1/acl/tokens", headers={"X-Consul-Token": MANAGEMENT}, timeout=2)
    except requests.RequestException:
        return False
    return answer.ok


def sleeping(job_id: str, namespace: str, command: Sequence[str] = ("/bin/sleep", "3600")) -> dict[str, Any]:
    """A small service job."""
    return {
        "ID": job_id,
        "Name": job_id,
        "Type": "service",
        "Namespace": namespace,
        "Datacenters": ["dc1"],
        "TaskGroups": [
            {
                "Name": "group",
                "Count": 1,
                "Update": {"HealthCheck": "task_states", "MinHealthyTime": 100_000_000, "MaxParallel": 1},
                "Tasks": [
                    {
                        "Name": "task",
                        "Driver": "raw_exec",
                        "Config": {"command": command[0], "args": list(command[1:])},
                        "Resources": {"CPU": 20, "MemoryMB": 16},
                    }
                ],
            }
        ],
    }
