"""A platform to renew for: Nomad Variables and Consul of the simulator, two name servers, and Pebble."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pryv_nomad.certificates.challenges import Challenges, parse
from pryv_nomad.certificates.course import Limits
from pryv_nomad.certificates.keeping import Keeping
from pryv_nomad.certificates.nameservers import NameServers
from pryv_nomad.certificates.request import Request
from pryv_nomad.clients.consul import Consul
from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.clients.options import ConsulOptions, NomadOptions
from pryv_nomad.secrets import tls
from pryv_nomad.settings.snippets import challenges_key
from pryv_nomad.simulator.http import Serving, serve
from tests.certificates.pebble import Pebble, pebble, pebble_binary
from tests.certificates.responder import Responder
from tests.simulator.specs import cluster

DOMAIN = "pryv.example"
ROLES = ("registry", "replica")


@dataclass
class Platform:
    """What a renewal meets. `public`: the name server that the ACME server asks."""

    serving: Serving
    nomad: Nomad
    consul: Consul
    name_servers: dict[str, Responder]
    public: Responder
    said: list[str] = field(default_factory=list)

    def values(self) -> list[str]:
        """The TXT values in Consul KV."""
        found = self.consul.kv_get(challenges_key(DOMAIN))
        return parse(found[0]) if found else []

    def stored(self) -> dict[str, str]:
        """The keys of the variable that edges read."""
        variable = self.nomad.variable("nomad/jobs")
        return dict(variable["Items"]) if variable else {}

    def store(self, pair: tuple[bytes, bytes]) -> dict[str, str]:
        """Store a certificate and its key besides another secret."""
        items = {tls.CERTIFICATE_KEY: pair[0].decode(), tls.PRIVATE_KEY_KEY: pair[1].decode(), "OTHER": "kept"}
        variable = self.nomad.variable("nomad/jobs")
        self.nomad.put_variable("nomad/jobs", items, cas=variable["ModifyIndex"] if variable else 0)
        return items


@pytest.fixture
def platform() -> Iterator[Platform]:
    with (
        serve(cluster()) as serving,
        Nomad(NomadOptions(address=serving.nomad_address)) as nomad,
        Consul(ConsulOptions(address=serving.consul_address)) as consul,
    ):
        yield from platform_of(serving, nomad, consul)


def platform_of(serving: Serving, nomad: Nomad, consul: Consul) -> Iterator[Platform]:
    """The platform around these clients; its name servers answer what Consul KV holds."""

    def values() -> list[str]:
        found = consul.kv_get(challenges_key(DOMAIN))
        return json.loads(found[0]) if found else []

    record = f"_acme-challenge.{DOMAIN}"
    with Responder(record, values) as first, Responder(record, values) as second, Responder(record, values) as public:
        servers = dict(zip(ROLES, (first, second), strict=True))
        for role, server in servers.items():
            enlist(consul, role, server.port)
        yield Platform(serving, nomad, consul, servers, public)


def enlist(consul: Consul, role: str, port: int) -> None:
    """Put a name server into Consul's catalog, as its Nomad client would."""
    service = {"ID": f"dns-{role}", "Service": "pryv-dns", "Tags": [role], "Address": "127.0.0.1", "Port": port}
    consul.catalog_register({"Node": f"node-{role}", "Address": "127.0.0.1", "Service": service})


@pytest.fixture
def acme(platform: Platform, tmp_path: Path) -> Iterator[Pebble]:
    if pebble_binary() is None:
        pytest.skip("no pebble on PATH or in tools/bin (`make tools` builds it)")
    with pebble(tmp_path / "pebble", platform.public.port) as server:
        yield server


@pytest.fixture
def request_() -> Request:
    return Request(DOMAIN, "ops@pryv.example", "", ROLES, "default", "global")


Renew = Callable[..., tls.Certificate]


@pytest.fixture
def renew(platform: Platform, acme: Pebble, request_: Request) -> Renew:
    """Renews once against Pebble, with short pauses and a clock that waits run through quickly."""

    def run(limits: Limits | None = None, before_store: Callable[[], None] | None = None) -> tls.Certificate:
        from pryv_nomad.certificates.authority import Authority, new_key
        from pryv_nomad.certificates.renewal import Renewal, World

        keeping, waits = Keeping(platform.nomad), threading.Event()
        before, late = keeping.kept(), [timedelta()]

        def pause(seconds: float) -> None:
            waits.wait(0.02)
            late[0] += timedelta(seconds=seconds)

        def say(sentence: str) -> None:
            platform.said.append(sentence)
            if before_store and sentence == "storing the certificate":
                before_store()

        account = keeping.account_key(new_key())
        with closing(Authority(acme.directory, account, request_.email, acme.ca_cert)) as authority:
            world = World(
                keeping=keeping,
                challenges=Challenges(platform.consul, DOMAIN),
                name_servers=NameServers(platform.consul, request_.name_servers),
                authority=authority,
                now=lambda: datetime.now(UTC) + late[0],
                pause=pause,
                say=say,
            )
            return Renewal(request_, world, before, limits or Limits()).run()

    return run
