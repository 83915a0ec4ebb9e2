"""dns.json with renewal on, by a real consul-template: whatever Consul KV holds, it is JSON that dns can read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pryv_nomad.certificates.challenges import Challenges
from pryv_nomad.clients.consul import Consul
from pryv_nomad.clients.options import ConsulOptions
from pryv_nomad.errors import ClusterFileError
from pryv_nomad.model.checks import check, findings
from pryv_nomad.settings import dns
from pryv_nomad.settings.document import AcmeChallenges
from pryv_nomad.settings.snippets import challenges_key
from tests.certificates.dns_json import consul_template_binary, entry, followed, source, values
from tests.consul_server import until
from tests.contract.agents import consul_binary, real_consul
from tests.specs.rendered import SMALLEST, cluster

ACME = "tls.acme={enabled: true, email: ops@pryv.example}"
OWN = 'settings.DNS_CUSTOM_ENTRIES={www: {ip: 192.0.2.80}, mx: {alias: [{name: "a \\"b\\" {{ c }}"}]}}'
KEY = challenges_key("pryv.example")
A, B = "A" * 43, "b-_9" * 10 + "xyz"

needs_tools = pytest.mark.skipif(
    not (consul_binary() and consul_template_binary()), reason="no consul or no consul-template (`make tools`)"
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real_consul(tmp_path_factory.mktemp("consul")) as found:
        yield found


@pytest.fixture
def consul(address: str) -> Iterator[Consul]:
    with Consul(ConsulOptions(address=address)) as client:
        client.kv_delete(KEY)
        yield client


@needs_tools
@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (None, []),
        (b"[]", []),
        (json.dumps([A]).encode(), [A]),
        (json.dumps([A, B], separators=(",", ":")).encode(), [A, B]),
        (b"", []),
        (b"nonsense", []),
        (b'{"a": 1}', []),
        (b'["short"]', []),
        (f'["{A}"], "x": ["y"]'.encode(), []),
        (f'["{A}",]'.encode(), []),
        (b'["{{ key `secret` }}"]', []),
        (f'["{A}"]\n'.encode(), []),
    ],
)
def test_the_record_is_what_consul_holds_and_nothing_that_is_no_challenge(
    consul: Consul, address: str, tmp_path: Path, held: bytes | None, expected: list[str]
) -> None:
    if held is not None:
        consul.kv_put(KEY, held)
    with followed(tmp_path, source(cluster(SMALLEST, ACME)), address) as file:
        assert values(file) == expected


@needs_tools
def test_the_file_follows_a_renewal_from_its_first_value_to_its_last(
    consul: Consul, address: str, tmp_path: Path
) -> None:
    challenges = Challenges(consul, "pryv.example")
    with followed(tmp_path, source(cluster(SMALLEST, ACME, OWN)), address) as file:
        assert values(file) == []
        challenges.publish([A, B])
        until(lambda: values(file) == [A, B], 20, "both values are in dns.json")
        challenges.withdraw([A, B])
        until(lambda: values(file) == [], 20, "they are gone")
        known = json.loads(file.read_text())["dns"]["customEntries"]
        assert known["www"] == {"ip": "192.0.2.80"}
        assert known["mx"] == {"alias": [{"name": 'a "b" {{ c }}'}]}
        assert entry(file) == {"description": []}


def test_without_renewal_dns_is_told_nothing_of_it() -> None:
    for sets in ((), (OWN,)):
        assert not any(
            isinstance(hole, AcmeChallenges) for hole in dns.files(cluster(SMALLEST, *sets), replica=True)[0].holes
        )


def test_an_entry_of_the_user_s_under_the_same_name_is_refused() -> None:
    made = cluster(SMALLEST, ACME, "settings.DNS_CUSTOM_ENTRIES={_acme-challenge: {description: [x]}}")
    with pytest.raises(ClusterFileError, match="_acme-challenge, which renewal needs for itself"):
        check(made)


@pytest.mark.parametrize("source_of", ["vault", "path"])
def test_renewal_needs_the_certificate_in_nomad_variables(source_of: str) -> None:
    more = ("tls.vault_path=secret/data/tls", "tls.certificate_path=/a/b.crt", "tls.key_path=/a/b.key")
    with pytest.raises(ClusterFileError, match=f"renewal cannot write to source {source_of}.*use source variables"):
        check(cluster(SMALLEST, ACME, f"tls.source={source_of}", *more))


def test_another_authority_in_the_caa_record_is_called_out() -> None:
    found = findings(cluster(SMALLEST, ACME, "settings.SSL_CAA_ISSUER=other.example"))
    assert any("Let's Encrypt refuses the renewal" in str(finding) for finding in found)
