"""A certificate is stored only when edges can serve the domain with it; every reason against it is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from pryv_nomad.errors import CertificateError
from pryv_nomad.secrets.self_signed import LIFETIME, self_signed
from pryv_nomad.secrets.tls import check, read

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
DOMAIN = "pryv.example"


def test_a_self_signed_certificate_fits_its_domain_and_key() -> None:
    certificate, key = self_signed(DOMAIN, NOW)

    facts = check(certificate, key, DOMAIN, NOW)

    assert facts.names == ("*.pryv.example", "pryv.example")
    assert facts.not_after == NOW + LIFETIME
    assert facts.warning(NOW) == ""
    assert read(certificate) == facts


def test_a_domain_longer_than_a_common_name_still_has_its_certificate() -> None:
    domain = ".".join(["a" * 60, "b" * 60, "example"])
    assert check(*self_signed(domain, NOW), domain, NOW).names == (f"*.{domain}", domain)


def test_the_last_month_of_a_certificate_is_called_out() -> None:
    facts = check(*self_signed(DOMAIN, NOW), DOMAIN, NOW)
    assert facts.warning(NOW + LIFETIME - timedelta(days=12)) == "the certificate ends in 12 days (2027-06-01)"


@pytest.mark.parametrize(
    ("domain", "now", "reason"),
    [
        ("other.example", NOW, "not for *.other.example"),
        (DOMAIN, NOW + LIFETIME, "ended on 2027-06-01"),
        (DOMAIN, NOW - timedelta(hours=1), "begins only on 2026-06-01"),
    ],
)
def test_a_certificate_that_does_not_fit_is_refused(domain: str, now: datetime, reason: str) -> None:
    certificate, key = self_signed(DOMAIN, NOW)
    with pytest.raises(CertificateError, match=reason.replace("*", r"\*")):
        check(certificate, key, domain, now)


def test_every_reason_is_said_at_once() -> None:
    certificate, _ = self_signed(DOMAIN, NOW)
    _, foreign_key = self_signed(DOMAIN, NOW)
    with pytest.raises(CertificateError) as refusal:
        check(certificate, foreign_key, "other.example", NOW + LIFETIME)
    assert len(refusal.value.message.splitlines()) == 3


def test_an_encrypted_key_is_refused_without_being_shown() -> None:
    certificate, _ = self_signed(DOMAIN, NOW)
    locked = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase")
    )
    with pytest.raises(CertificateError, match="the private key is encrypted") as refusal:
        check(certificate, locked, DOMAIN, NOW)
    assert b"PRIVATE" not in refusal.value.message.encode()


@pytest.mark.parametrize(
    "text", [b"", b"not a certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_is_not_a_certificate_is_refused(text: bytes) -> None:
    _, key = self_signed(DOMAIN, NOW)
    with pytest.raises(CertificateError, match="not PEM"):
        check(text, key, DOMAIN, NOW)


def test_a_chain_must_lead_upwards() -> None:
    certificate, key = self_signed(DOMAIN, NOW)
    stranger, _ = self_signed("other.example", NOW)
    with pytest.raises(CertificateError, match="certificate 2 of the chain is not the issuer"):
        check(certificate + stranger, key, DOMAIN, NOW)
