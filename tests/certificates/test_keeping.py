"""When a certificate is renewed, and that a store never undoes another's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from pryv_nomad.certificates.keeping import ACCOUNT_KEY, CONSUL_TOKEN, OWN, Keeping, Kept, reason
from pryv_nomad.errors import Conflict
from pryv_nomad.secrets.self_signed import self_signed
from tests.secrets.memory import MemoryVariables

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
NAMES = ("*.pryv.example", "pryv.example")


def issued(days: int, *names: str) -> Kept:
    """A certificate by some authority for `names`, with so many days left."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority")]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=90))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names or NAMES]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Kept(certificate.public_bytes(Encoding.PEM).decode(), "a key")


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (Kept(None), "there is no certificate"),
        (Kept("-----BEGIN", None), "there is no certificate"),
        (Kept("nonsense", "a key"), "the certificate is not PEM"),
        (issued(31), ""),
        (issued(30), "the certificate ends on 2026-07-01"),
        (issued(-1), "the certificate ends on 2026-05-31"),
        (issued(80, "*.pryv.example"), "the certificate is not for pryv.example"),
        (issued(80, "*.other.example", "other.example"), "the certificate is not for *.pryv.example, pryv.example"),
        (Kept(self_signed("pryv.example", NOW)[0].decode(), "a key"), "the certificate is self-signed"),
    ],
)
def test_what_is_renewed_and_why(kept: Kept, expected: str) -> None:
    assert reason(kept, NAMES, NOW, days_left=30) == expected


def test_the_days_left_are_the_caller_s() -> None:
    assert reason(issued(31), NAMES, NOW, days_left=40) != ""
    assert reason(issued(11), NAMES, NOW, days_left=10) == ""


def test_a_store_while_another_secret_is_written_is_tried_again() -> None:
    variables = MemoryVariables()
    variables.put_variable("nomad/jobs", {"OTHER": "1"}, 0)
    times = []

    def meanwhile() -> None:
        times.append(1)
        if len(times) == 1:
            variables.items["nomad/jobs"]["OTHER"] = "2"
            variables.indexes["nomad/jobs"] += 1

    variables.before_write = meanwhile
    Keeping(variables).store(b"certificate", b"key", Kept(None))

    assert variables.items["nomad/jobs"] == {"OTHER": "2", "TLS_CERTIFICATE": "certificate", "TLS_KEY": "key"}


def test_a_store_after_another_s_is_refused() -> None:
    variables = MemoryVariables()
    keeping = Keeping(variables)
    before = keeping.kept()
    keeping.store(b"theirs", b"their key", before)
    with pytest.raises(Conflict, match="theirs stays"):
        keeping.store(b"ours", b"our key", before)
    assert variables.items["nomad/jobs"]["TLS_CERTIFICATE"] == "theirs"


def test_a_variable_that_is_always_faster_ends_in_a_conflict() -> None:
    variables = MemoryVariables()

    def meanwhile() -> None:
        variables.items.setdefault("nomad/jobs", {})
        variables.indexes["nomad/jobs"] = variables.indexes.get("nomad/jobs", 0) + 1

    variables.before_write = meanwhile
    with pytest.raises(Conflict):
        Keeping(variables).store(b"certificate", b"key", Kept(None))


def test_of_two_account_keys_made_at_once_the_stored_one_counts() -> None:
    variables = MemoryVariables()

    def other() -> None:
        variables.before_write = lambda: None
        variables.put_variable(OWN, {ACCOUNT_KEY: "theirs"}, 0)

    variables.before_write = other
    assert Keeping(variables).account_key(b"ours") == b"theirs"


def test_the_account_key_leaves_the_operator_s_token() -> None:
    variables = MemoryVariables()
    variables.put_variable(OWN, {CONSUL_TOKEN: "token"}, 0)
    keeping = Keeping(variables)
    assert keeping.account_key(b"made") == b"made"
    assert keeping.consul_token() == "token"
    assert keeping.account_key(b"another") == b"made"


def test_what_is_kept_is_not_shown() -> None:
    assert repr(Kept("certificate text", "key text")) == "<Kept certificate>"
