"""Consul's policies against a real Consul that denies by default: what each allows is enough, all else is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from pryv_nomad.bridge.catalog import Catalog
from pryv_nomad.certificates.challenges import Challenges
from pryv_nomad.certificates.nameservers import NameServers
from pryv_nomad.clients.consul import Consul
from pryv_nomad.errors import Unauthorized
from pryv_nomad.plan.observed import Record
from pryv_nomad.policies import POLICIES
from pryv_nomad.registry.lock import ReloadLock, lock_key
from pryv_nomad.registry.neighbours import standing
from pryv_nomad.registry.store import read_store
from pryv_nomad.rollout.records import Records
from pryv_nomad.settings.snippets import address_key, challenges_key
from tests.contract.agents import consul_binary
from tests.policies.servers import MANAGEMENT, ConsulServer, consul_server
from tests.specs.rendered import SMALLEST, cluster

pytestmark = pytest.mark.skipif(consul_binary() is None, reason="no consul on PATH or in tools/bin (`make tools`)")

DOMAIN = "pryv.example"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsulServer]:
    with consul_server(tmp_path_factory.mktemp("consul") / "agent") as made, made.client(MANAGEMENT) as root:
        failing = {"CheckID": "dns", "Name": "dns", "Status": "critical", "ServiceID": "dns"}
        service = {"ID": "dns", "Service": "pryv-dns", "Tags": ["registry"], "Address": "127.0.0.1", "Port": 9}
        root.catalog_register({"Node": "reg", "Address": "127.0.0.1", "Service": service, "Check": failing})
        foreign = {"ID": "billing", "Service": "billing", "Port": 80}
        root.catalog_register({"Node": "reg", "Address": "127.0.0.1", "SkipNodeUpdate": True, "Service": foreign})
        root.kv_put("pryv-nomad/other.example/jobs/pryv-redis", b"{}")
        root.kv_put("billing/secret", b"theirs")
        root.kv_put(address_key(DOMAIN, "static"), b"192.0.2.3")
        root.kv_put(f"pryv-nomad/{DOMAIN}/members/generation", b"1")
        yield made


@pytest.fixture(scope="module")
def client_of(server: ConsulServer) -> Callable[[str], Consul]:
    """The client of a policy's only holder."""
    made: dict[str, Consul] = {}

    def client(name: str) -> Consul:
        if name not in made:
            made[name] = server.client(server.token_of(name, POLICIES[name].text(cluster(SMALLEST))))
        return made[name]

    return client


ClientOf = Callable[[str], Consul]


def test_an_operator_keeps_records_and_members(client_of: ClientOf) -> None:
    consul = client_of("consul-operator")
    records = Records(consul, DOMAIN)
    records.read()
    records.write("pryv-redis", Record("a hash", 7))
    assert records.read()["pryv-redis"].hash == "a hash"
    records.delete("pryv-redis")

    node = {"Node": "pryv-core-co1-pryv.example", "Address": "192.0.2.1"}
    service = {"ID": "pryv-core-co1", "Service": "pryv-core", "Address": "192.0.2.1", "Port": 443}
    consul.catalog_register({**node, "Service": service})
    assert [each["Node"] for each in consul.catalog_service("pryv-core")] == [node["Node"]]
    consul.catalog_deregister({"Node": node["Node"]})
    assert Catalog(consul, DOMAIN).members() == {}

    session = consul.session_create("a lock")
    assert consul.acquire(f"pryv-nomad/{DOMAIN}/rollouts/lock", b"", session)
    consul.session_renew(session)
    consul.session_destroy(session)


def test_an_operator_s_status_sees_the_checks_that_fail(client_of: ClientOf) -> None:
    failing = client_of("consul-operator").get("/v1/health/state/critical").body
    assert [each["ServiceName"] for each in failing] == ["pryv-dns"]


def test_a_nomad_client_registers_services_and_reads_what_templates_ask_for(client_of: ClientOf) -> None:
    consul = client_of("consul-client")
    assert consul.agent_self()
    consul.library.agent.service.register("pryv-redis", service_id="redis", port=6379)
    consul.library.agent.service.deregister("redis")
    assert consul.health_service("pryv-dns")
    assert consul.kv_get(f"pryv-nomad/{DOMAIN}/members/generation") is not None
    assert consul.kv_get(address_key(DOMAIN, "static")) is not None
    assert consul.kv_get(challenges_key(DOMAIN)) is None
    assert consul.kv_get("pryv-nomad/hold") is None


def test_the_certificate_s_job_publishes_and_finds_the_name_servers(client_of: ClientOf) -> None:
    consul = client_of("consul-certificate")
    challenges = Challenges(consul, DOMAIN)
    challenges.publish(["A" * 43])
    found = consul.kv_get(challenges_key(DOMAIN))
    assert found is not None
    assert json.loads(found[0]) == ["A" * 43]
    challenges.withdraw(["A" * 43])
    _, silent = NameServers(consul, ["registry"]).values(f"_acme-challenge.{DOMAIN}")
    assert list(silent) == ["registry at 127.0.0.1:9"]


def test_a_follower_reads_the_membership_and_takes_the_lock(client_of: ClientOf) -> None:
    consul = client_of("consul-follower")
    assert read_store(consul, DOMAIN).generation == 1
    assert standing(consul.health_service("pryv-dns"), "127.0.0.1", 9) == (False, (0, 0))
    lock = ReloadLock(consul, DOMAIN, "one")
    assert lock.take()
    lock.release()
    lock.close()


REFUSED: dict[str, tuple[str, Callable[[Consul], object]]] = {
    "operator, another platform's records": (
        "consul-operator",
        lambda consul: consul.kv_put("pryv-nomad/other.example/jobs/a", b"{}"),
    ),
    "operator, others' keys": ("consul-operator", lambda consul: consul.kv_put("billing/secret", b"ours")),
    "operator, others' services": (
        "consul-operator",
        lambda consul: consul.catalog_register(
            {"Node": "pryv-core-x", "Address": "192.0.2.9", "Service": {"ID": "b", "Service": "billing"}}
        ),
    ),
    "client, writing the list of cores": (
        "consul-client",
        lambda consul: consul.kv_put(f"pryv-nomad/{DOMAIN}/members/generation", b"0"),
    ),
    "client, writing challenges": ("consul-client", lambda consul: consul.kv_put(challenges_key(DOMAIN), b"[]")),
    "client, reading records": ("consul-client", lambda consul: consul.kv_get(f"pryv-nomad/{DOMAIN}/jobs/pryv-redis")),
    "follower, removing a core": (
        "consul-follower",
        lambda consul: consul.kv_put(f"pryv-nomad/{DOMAIN}/members/core/co1", b"{}"),
    ),
    "follower, another platform's lock": (
        "consul-follower",
        lambda consul: consul.kv_put(lock_key("other.example"), b""),
    ),
    "certificate, writing records": (
        "consul-certificate",
        lambda consul: consul.kv_put(f"pryv-nomad/{DOMAIN}/jobs/pryv-redis", b"{}"),
    ),
    "certificate, another platform's challenges": (
        "consul-certificate",
        lambda consul: consul.kv_put(challenges_key("other.example"), b"[]"),
    ),
    "certificate, a service": (
        "consul-certificate",
        lambda consul: consul.catalog_register(
            {"Node": "x", "Address": "192.0.2.9", "Service": {"ID": "d", "Service": "pryv-dns"}}
        ),
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_nothing_beyond_it_is_allowed(client_of: ClientOf, what: str) -> None:
    name, call = REFUSED[what]
    with pytest.raises(Unauthorized):
        call(client_of(name))


def test_an_operator_does_not_see_others_services(client_of: ClientOf) -> None:
    assert client_of("consul-operator").catalog_service("billing") == []
