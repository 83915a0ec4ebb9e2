"""`certificate renew` from the command line, against the simulator's Nomad and Consul and a real ACME server."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from pryv_nomad import cli
from pryv_nomad.certificates.keeping import ACCOUNT_KEY, CONSUL_TOKEN, OWN
from pryv_nomad.secrets import tls
from tests.certificates.conftest import DOMAIN, Platform
from tests.certificates.pebble import Pebble
from tests.consul_server import until

CHECKOUT = Path(__file__).parents[2]

CLUSTER = """\
platform: {domain: pryv.example, name: Pryv Lab}
release: 1.9.2
datacenters: [dc1]
hostings: {ch: {datacenter: dc1, url: "https://ch.example", name: Switzerland}}
cores: [{name: co1, hosting: ch}]
registry: {replica: {}}
tls: {acme: {enabled: true, email: ops@pryv.example}}
"""


class Outcome:
    """How a command ended, and what it said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


Command = Callable[..., Outcome]


@pytest.fixture
def renew(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """`pryv-nomad -c cluster.yml certificate renew …`."""
    file = tmp_path / "cluster.yml"
    file.write_text(CLUSTER)
    monkeypatch.setenv("NOMAD_ADDR", platform.serving.nomad_address)
    monkeypatch.setenv("CONSUL_HTTP_ADDR", platform.serving.consul_address)
    monkeypatch.setattr("signal.signal", lambda *_: None)

    def command(*arguments: str, before: tuple[str, ...] = ("-c", str(file))) -> Outcome:
        code = cli.invoke([*before, "certificate", "renew", *arguments])
        said = capsys.readouterr()
        return Outcome(code, said.out, said.err)

    return command


def issued(days: int) -> tuple[bytes, bytes]:
    """A certificate of the platform by some authority, with so many days left, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days, hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(f"*.{DOMAIN}"), x509.DNSName(DOMAIN)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM), pem


def test_a_good_certificate_is_left_alone_and_nobody_is_asked(platform: Platform, renew: Command) -> None:
    before = platform.store(issued(60))

    outcome = renew("--directory", "https://127.0.0.1:9/nobody")

    assert outcome.code == 0
    assert "nothing to do: the certificate for pryv.example is good for more than 30 days" in outcome.out
    assert platform.stored() == before


@pytest.mark.parametrize(
    ("days", "arguments", "why"),
    [(20, (), "the certificate ends on "), (60, ("--days-left", "70"), "ends on "), (60, ("--force",), "--force")],
)
def test_a_certificate_that_ends_soon_is_renewed(
    platform: Platform, acme: Pebble, renew: Command, days: int, arguments: tuple[str, ...], why: str
) -> None:
    platform.store(issued(days))

    outcome = renew("--directory", acme.directory, "--ca-cert", acme.ca_cert, *arguments)

    assert outcome.code == 0, outcome.err
    assert "renewing the certificate for pryv.example: " in outcome.out
    assert why in outcome.out
    assert "Stored the certificate for *.pryv.example, pryv.example; it ends on " in outcome.out
    assert "Pebble" in tls.read(platform.stored()[tls.CERTIFICATE_KEY].encode()).issuer
    assert platform.values() == []


def test_the_job_s_settings_stand_for_the_cluster_file(platform: Platform, renew: Command, tmp_path: Path) -> None:
    platform.store(issued(60))
    settings = {"domain": DOMAIN, "email": "ops@pryv.example", "directory": "https://127.0.0.1:9/nobody"}
    settings |= {"name_servers": ["registry"], "namespace": "default", "region": "global"}
    (tmp_path / "certificate.json").write_text(json.dumps(settings))

    outcome = renew("--settings", str(tmp_path / "certificate.json"), before=())

    assert outcome.code == 0, outcome.err
    assert "nothing to do" in outcome.out


@pytest.mark.parametrize("text", [None, "", "nonsense", "[]", '{"domain": "pryv.example"}'])
def test_settings_that_are_none_are_said(renew: Command, tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "certificate.json").write_text(text)
    outcome = renew("--settings", str(tmp_path / "certificate.json"), before=())
    assert outcome.code == 5
    assert "certificate.json" in outcome.err


def test_an_acme_server_that_does_not_answer_is_exit_code_7(platform: Platform, renew: Command) -> None:
    outcome = renew("--directory", "https://127.0.0.1:9/nobody")
    assert outcome.code == 7
    assert "https://127.0.0.1:9/nobody: no answer" in outcome.err


def test_a_ca_cert_that_is_none_is_wrong_usage(acme: Pebble, renew: Command, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nonsense")
    outcome = renew("--directory", acme.directory, "--ca-cert", str(tmp_path / "ca.pem"))
    assert outcome.code in (2, 7)
    assert "--ca-cert" in outcome.err


def test_a_refusal_is_exit_code_5_and_changes_nothing(platform: Platform, acme: Pebble, renew: Command) -> None:
    before = platform.store(issued(20))
    platform.public.values = lambda: ["A" * 43]

    outcome = renew("--directory", acme.directory, "--ca-cert", acme.ca_cert)

    assert outcome.code == 5
    assert "the ACME server refused: " in outcome.err
    assert "Traceback" not in outcome.err
    assert platform.stored() == before
    assert platform.values() == []


def test_the_consul_token_of_the_job_is_stored_beside_its_account(
    platform: Platform,
    renew: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    platform.nomad.put_variable(OWN, {ACCOUNT_KEY: "a key"}, cas=0)
    monkeypatch.setattr("sys.stdin", io.StringIO("a-token\n"))

    assert cli.invoke(["-c", str(tmp_path / "cluster.yml"), "certificate", "token"]) == 0

    variable = platform.nomad.variable(OWN)
    assert variable is not None
    assert variable["Items"] == {ACCOUNT_KEY: "a key", CONSUL_TOKEN: "a-token"}
    assert "a-token" not in capsys.readouterr().out

    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert cli.invoke(["-c", str(tmp_path / "cluster.yml"), "certificate", "token"]) == 5


def test_a_renewal_that_nomad_stops_takes_its_record_back(platform: Platform, acme: Pebble, tmp_path: Path) -> None:
    platform.name_servers["replica"].values = list
    (tmp_path / "cluster.yml").write_text(CLUSTER)
    addresses = {"NOMAD_ADDR": platform.serving.nomad_address, "CONSUL_HTTP_ADDR": platform.serving.consul_address}
    command = [sys.executable, "-m", "pryv_nomad", "-c", str(tmp_path / "cluster.yml"), "certificate", "renew"]
    command += ["--directory", acme.directory, "--ca-cert", acme.ca_cert]
    environment = {**os.environ, **addresses, "PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        # The handler stands before the first value is published.
        until(lambda: len(platform.values()) == 2, 30, "the record is published")
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=30)

    # Python ends by the signal itself where it was caught in the midst of an import that executes text.
    assert process.returncode in (130, -signal.SIGINT)
    assert "the TXT record is removed" in said
    assert platform.values() == []
    assert platform.stored() == {}
