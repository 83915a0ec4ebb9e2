"""Renewals against Pebble, a real ACME server: what is stored at the end, and what is left behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from pryv_nomad.certificates.authority import Authority, new_key
from pryv_nomad.certificates.keeping import ACCOUNT_KEY, OWN
from pryv_nomad.errors import Conflict, RenewalError, Unreachable
from pryv_nomad.secrets import tls
from pryv_nomad.secrets.self_signed import self_signed
from pryv_nomad.simulator.faults import ApiErrors
from tests.certificates.conftest import DOMAIN, Platform, Renew
from tests.certificates.pebble import Pebble, pebble, pebble_binary

NAMES = ("*.pryv.example", "pryv.example")


def test_a_platform_without_a_certificate_gets_one(platform: Platform, renew: Renew) -> None:
    facts = renew()

    stored = platform.stored()
    pair = stored[tls.CERTIFICATE_KEY].encode(), stored[tls.PRIVATE_KEY_KEY].encode()
    assert tls.check(*pair, DOMAIN, datetime.now(UTC)) == facts
    assert sorted(facts.names) == sorted(NAMES)
    assert "Pebble" in facts.issuer
    assert facts.chain == 1
    assert facts.not_after - datetime.now(UTC) > timedelta(days=80)
    public = x509.load_pem_x509_certificate(pair[0]).public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert public.curve.name == "secp256r1"


def test_both_values_of_the_one_record_are_there_at_once_and_gone_at_the_end(platform: Platform, renew: Renew) -> None:
    renew()

    assert "publishing 2 TXT values" in platform.said
    assert platform.said[-1] == "the TXT record is removed"
    assert platform.values() == []
    assert all(server.asked > 0 for server in platform.name_servers.values())


def test_a_certificate_is_replaced_and_other_secrets_stay(platform: Platform, renew: Renew) -> None:
    before = platform.store(self_signed(DOMAIN, datetime.now(UTC)))

    renew()

    stored = platform.stored()
    assert stored["OTHER"] == "kept"
    assert stored[tls.CERTIFICATE_KEY] != before[tls.CERTIFICATE_KEY]
    assert stored[tls.PRIVATE_KEY_KEY] != before[tls.PRIVATE_KEY_KEY]


def test_the_account_s_key_is_made_once_and_used_again(platform: Platform, renew: Renew) -> None:
    renew()
    first = platform.nomad.variable(OWN)
    renew()
    second = platform.nomad.variable(OWN)

    assert first is not None
    assert second is not None
    assert first["Items"] == second["Items"]
    assert list(first["Items"]) == [ACCOUNT_KEY]
    assert ACCOUNT_KEY not in platform.stored()


def test_a_wrong_txt_record_leaves_what_was_stored_and_nothing_in_dns(platform: Platform, renew: Renew) -> None:
    before = platform.store(self_signed(DOMAIN, datetime.now(UTC)))
    platform.public.values = lambda: ["A" * 43]

    with pytest.raises(RenewalError, match=r"the ACME server refused: .*pryv\.example: .*not found") as refusal:
        renew()

    assert "the next run orders again" in refusal.value.remedy
    assert platform.stored() == before
    assert platform.values() == []


def test_a_name_server_that_stays_behind_ends_the_renewal_before_the_acme_server_looks(
    platform: Platform, renew: Renew
) -> None:
    before = platform.store(self_signed(DOMAIN, datetime.now(UTC)))
    platform.name_servers["replica"].values = list

    with pytest.raises(RenewalError, match=r"replica at 127\.0\.0\.1:\d+ \(0 of 2 values\) within 600 s"):
        renew()

    assert platform.public.asked == 0
    assert platform.stored() == before
    assert platform.values() == []


def test_a_name_server_that_consul_does_not_know_is_waited_for(platform: Platform, renew: Renew) -> None:
    platform.consul.catalog_deregister({"Node": "node-replica"})
    with pytest.raises(RenewalError, match=r"replica \(not in Consul\) within 600 s"):
        renew()


def test_a_name_server_that_restarts_meanwhile_is_waited_for(platform: Platform, renew: Renew) -> None:
    server = platform.name_servers["registry"]
    values, answers = server.values, [[], ["A" * 43]]
    server.values = lambda: answers.pop() if answers else values()

    renew()

    assert server.asked >= 3


def test_of_two_renewals_at_once_one_wins(platform: Platform, renew: Renew) -> None:
    platform.store(self_signed(DOMAIN, datetime.now(UTC)))
    winners: list[dict[str, str]] = []

    def other() -> None:
        renew()
        winners.append(platform.stored())

    with pytest.raises(Conflict, match="somebody else stored a certificate"):
        renew(before_store=other)

    assert platform.stored() == winners[0]
    assert platform.values() == []


def test_another_secret_that_changes_meanwhile_is_no_conflict(platform: Platform, renew: Renew) -> None:
    platform.store(self_signed(DOMAIN, datetime.now(UTC)))

    def rotated() -> None:
        variable = platform.nomad.variable("nomad/jobs")
        assert variable is not None
        platform.nomad.put_variable("nomad/jobs", {**variable["Items"], "OTHER": "new"}, cas=variable["ModifyIndex"])

    facts = renew(before_store=rotated)

    assert platform.stored()["OTHER"] == "new"
    assert tls.read(platform.stored()[tls.CERTIFICATE_KEY].encode()) == facts


def test_a_record_that_cannot_be_removed_is_said_and_the_certificate_counts(platform: Platform, renew: Renew) -> None:
    def refuse() -> None:
        with platform.serving.driver.changed:
            platform.serving.simulator.inject(ApiErrors(1, "/consul/v1/kv/", "GET", 403))

    facts = renew(before_store=refuse)

    assert tls.read(platform.stored()[tls.CERTIFICATE_KEY].encode()) == facts
    assert platform.said[-1].startswith("the TXT record stays until a later renewal: ")
    assert len(platform.values()) == 2


def test_values_of_another_renewal_stay(platform: Platform, renew: Renew) -> None:
    from pryv_nomad.certificates.challenges import Challenges

    Challenges(platform.consul, DOMAIN).publish(["B" * 43])
    renew()
    assert platform.values() == ["B" * 43]


def test_an_authorization_that_still_holds_needs_no_txt_record(platform: Platform, tmp_path: Path) -> None:
    if pebble_binary() is None:
        pytest.skip("no pebble on PATH or in tools/bin (`make tools` builds it)")
    with pebble(tmp_path / "pebble", platform.public.port, PEBBLE_AUTHZREUSE="100", PEBBLE_VA_ALWAYS_VALID="1") as acme:
        authority = Authority(acme.directory, new_key(), "ops@pryv.example", acme.ca_cert)
        authority.place(new_key(), NAMES)
        authority.answer()
        _until_ready(authority)
        authority.place(new_key(), NAMES)
        assert authority.order().status == "ready"
        assert authority.wanted() == frozenset()
        authority.close()


def test_a_nonce_is_asked_for_again_as_often_as_it_is_refused(platform: Platform, tmp_path: Path) -> None:
    if pebble_binary() is None:
        pytest.skip("no pebble on PATH or in tools/bin (`make tools` builds it)")
    with pebble(tmp_path / "pebble", platform.public.port, PEBBLE_WFE_NONCEREJECT="25") as acme:
        authority = Authority(acme.directory, new_key(), "ops@pryv.example", acme.ca_cert)
        authority.place(new_key(), NAMES)
        for _ in range(40):
            assert authority.order().status == "pending"
        authority.close()
    assert (tmp_path / "pebble" / "pebble.log").read_text().count("POST /my-order/") > 40


def test_a_domain_that_the_server_refuses_is_said(acme: Pebble) -> None:
    authority = Authority(acme.directory, new_key(), "ops@pryv.example", acme.ca_cert)
    with pytest.raises(RenewalError, match=r"the order: .*\(rejectedIdentifier\)"):
        authority.place(new_key(), ("refused.example",))
    authority.close()


def test_a_server_that_nobody_vouches_for_is_not_spoken_to(acme: Pebble) -> None:
    with pytest.raises(Unreachable, match="not one that this machine trusts") as error:
        Authority(acme.directory, new_key(), "ops@pryv.example")
    assert "--ca-cert" in error.value.remedy


def test_what_is_no_acme_server_is_said(platform: Platform) -> None:
    with pytest.raises(RenewalError, match="not an answer of an ACME server"):
        Authority(f"{platform.serving.nomad_address}/v1/jobs", new_key(), "ops@pryv.example")


def test_a_server_that_does_not_answer_is_said(acme: Pebble) -> None:
    with pytest.raises(Unreachable, match="no answer"):
        Authority("https://127.0.0.1:9/dir", new_key(), "ops@pryv.example")


def test_no_key_is_said(platform: Platform, renew: Renew) -> None:
    renew()
    said = "\n".join(platform.said)
    account = platform.nomad.variable(OWN)
    assert account is not None
    for secret in (*account["Items"].values(), platform.stored()[tls.PRIVATE_KEY_KEY]):
        assert not any(line in said for line in secret.splitlines() if len(line) > 20)


def _until_ready(authority: Authority) -> None:
    from tests.consul_server import until

    until(lambda: authority.order().status == "ready", 20, "the order is ready")
