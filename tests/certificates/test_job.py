"""The job as it runs: a real Nomad and Consul that refuse whoever has no rights, dns.json, and a real ACME server.

The job's JSON is the rendered one, but for its driver: raw_exec, since there is no Docker for the tool's image here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pryv_nomad.certificates.keeping import ACCOUNT_KEY, CONSUL_TOKEN, JOB, OWN
from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.policies import POLICIES
from pryv_nomad.secrets import tls
from pryv_nomad.specs.render import render
from tests.certificates.conftest import DOMAIN, enlist
from tests.certificates.dns_json import consul_template_binary, followed, source, values
from tests.certificates.pebble import Pebble, pebble, pebble_binary
from tests.certificates.responder import Responder
from tests.consul_server import until
from tests.contract.agents import consul_binary, nomad_binary
from tests.policies.servers import MANAGEMENT, ConsulServer, NomadServer, consul_server, nomad_server
from tests.specs.rendered import SMALLEST, cluster

MISSING = [
    name
    for name, there in {
        "nomad": nomad_binary(),
        "consul": consul_binary(),
        "consul-template": consul_template_binary(),
        "pebble": pebble_binary(),
    }.items()
    if not there
]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not on this machine: {', '.join(MISSING)} (`make tools`)")

CHECKOUT = Path(__file__).parents[2]
NAMESPACE = "pryv-lab"


def platform() -> Cluster:
    acme = "tls.acme={enabled: true, email: ops@pryv.example}"
    return cluster(SMALLEST, acme, f"platform.namespace={NAMESPACE}", "datacenters=[dc1]")


@dataclass
class World:
    """All the servers, with the rights of the generated policies handed out."""

    nomad: NomadServer
    consul: ConsulServer
    acme: Pebble
    dns_json: Path

    def client(self) -> Nomad:
        return self.nomad.client(self.nomad.token, NAMESPACE)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_of(tmp_path, acl=True) as made:
        yield made


@contextmanager
def world_of(folder: Path, *, acl: bool) -> Iterator[World]:
    """Everything that a renewal needs. `acl`: whether Nomad has ACLs; Consul always has."""
    texts = {name: policy.text(platform()) for name, policy in POLICIES.items()}
    with ExitStack() as stack:
        nomad = stack.enter_context(nomad_server(acl))
        consul = stack.enter_context(consul_server(folder / "consul"))
        template_token = consul.token_of("client", texts["consul-client"])
        text = source(platform())
        dns_json = stack.enter_context(followed(folder / "dns", text, consul.address, template_token))
        responder = stack.enter_context(Responder(f"_acme-challenge.{DOMAIN}", lambda: values(dns_json)))
        acme = stack.enter_context(pebble(folder / "pebble", responder.port))
        nomad.call("POST", f"namespace/{NAMESPACE}", {"Name": NAMESPACE})
        if acl:
            nomad.policy(JOB, texts["nomad-certificate"], Namespace=NAMESPACE, JobID=JOB)
        with consul.client(MANAGEMENT) as root:
            enlist(root, "registry", responder.port)
        made = World(nomad, consul, acme, dns_json)
        with made.client() as client:
            client.put_variable(OWN, {CONSUL_TOKEN: consul.token_of("job", texts["consul-certificate"])}, cas=0)
            client.put_variable("nomad/jobs", {"OTHER": "kept"}, cas=0)
        yield made


def job(world: World, *more: str) -> dict[str, Any]:
    """The rendered job, which runs this checkout instead of the image and asks Pebble instead of Let's Encrypt."""
    spec = next(spec for spec in render(platform()) if spec.job_id == JOB)
    found: dict[str, Any] = json.loads(spec.json_text)
    found["Constraints"] = []
    task = found["TaskGroups"][0]["Tasks"][0]
    arguments = [
        "${NOMAD_TASK_DIR}/certificate.json" if each.startswith("/local/") else each for each in task["Config"]["args"]
    ]
    arguments += ["--directory", world.acme.directory, "--ca-cert", world.acme.ca_cert, *more]
    task["Driver"] = "raw_exec"
    task["Config"] = {"command": sys.executable, "args": ["-m", "pryv_nomad", *arguments]}
    task["Env"] |= {"PYTHONPATH": str(CHECKOUT), "CONSUL_HTTP_ADDR": world.consul.address}
    found["TaskGroups"][0]["RestartPolicy"]["Attempts"] = 0
    return found


def launched(client: Nomad, world: World, number: int) -> tuple[str, str]:
    """Run the job now; how its task ended, and what it wrote."""
    world.nomad.call("POST", f"job/{JOB}/periodic/force?namespace={NAMESPACE}")

    def ended() -> dict[str, Any] | None:
        found = [each for each in client.get("allocations").body if each["JobID"].startswith(f"{JOB}/periodic-")]
        done = [each for each in found if each["ClientStatus"] in ("complete", "failed")]
        return max(done, key=lambda each: each["CreateIndex"]) if len(done) == number else None

    allocation = until(ended, 90, "the task ends")
    logs = [client.task_log_tail(allocation["ID"], "certificate", stream, 20) for stream in ("stdout", "stderr")]
    return allocation["ClientStatus"], "\n".join(map(str, logs))


def test_the_periodic_job_renews_with_the_rights_of_its_policies_and_no_more(world: World) -> None:
    with world.client() as client:
        client.register(job(world), enforce_index=0)
        status, said = launched(client, world, 1)

        assert status == "complete", said
        assert "Stored the certificate for *.pryv.example, pryv.example" in said
        variable = client.variable("nomad/jobs")
        assert variable is not None
        stored = variable["Items"]
        assert stored["OTHER"] == "kept"
        pair = stored[tls.CERTIFICATE_KEY].encode(), stored[tls.PRIVATE_KEY_KEY].encode()
        assert "Pebble" in tls.check(*pair, DOMAIN, datetime.now(UTC)).issuer
        own = client.variable(OWN)
        assert own is not None
        assert own["Items"].keys() == {ACCOUNT_KEY, CONSUL_TOKEN}
        until(lambda: values(world.dns_json) == [], 20, "the record is out of dns.json")
        for secret in (*own["Items"].values(), stored[tls.PRIVATE_KEY_KEY]):
            assert not any(line in said for line in secret.splitlines() if len(line) > 20)

        again = launched(client, world, 2)
        assert again[0] == "complete"
        assert "nothing to do: the certificate for pryv.example is good for more than 30 days" in again[1]


def test_without_its_policy_the_job_stores_nothing_and_says_why(world: World) -> None:
    world.nomad.call("DELETE", f"acl/policy/{JOB}")
    with world.client() as client:
        client.register(job(world), enforce_index=0)
        status, said = launched(client, world, 1)

        assert status == "failed"
        assert "refused PUT /v1/var/nomad/jobs/pryv-certificate" in said
        assert "NOMAD_TOKEN" in said
        variable = client.variable("nomad/jobs")
        assert variable is not None
        assert variable["Items"] == {"OTHER": "kept"}


def test_nobody_else_s_job_gets_its_rights(world: World) -> None:
    foreign = job(world)
    foreign |= {"ID": "billing", "Name": "billing", "Periodic": None}
    with world.client() as client:
        client.register(foreign, enforce_index=0)

        def ended() -> Any:
            return [each for each in client.allocations_for_job("billing") if each["ClientStatus"] == "failed"]

        allocation = until(ended, 60, "the task ends")[0]
        assert "refused" in str(client.task_log_tail(allocation["ID"], "certificate", "stderr", 20))


def test_without_acls_the_job_needs_no_policy(tmp_path: Path) -> None:
    with world_of(tmp_path, acl=False) as world, world.client() as client:
        client.register(job(world), enforce_index=0)
        status, said = launched(client, world, 1)
        assert status == "complete", said
        assert "Stored the certificate" in said
