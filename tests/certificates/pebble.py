"""Pebble, a real ACME server made for tests, on free ports with a certificate authority of its own."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.consul_server import until
from tests.ports import free_ports

START_S = 30.0


def pebble_binary() -> str | None:
    """The pebble binary of this machine, PATH first."""
    built = Path(__file__).parents[2] / "tools" / "bin" / "pebble"
    return shutil.which("pebble") or (str(built) if built.is_file() else None)


@dataclass(frozen=True)
class Pebble:
    """A server that runs. `ca_cert`: the authority of its own TLS certificate."""

    directory: str
    ca_cert: str


@contextmanager
def pebble(folder: Path, dns_port: int, **settings: str) -> Iterator[Pebble]:
    """Pebble that asks the DNS server at `dns_port`. `settings`: its PEBBLE_… variables."""
    binary = pebble_binary()
    assert binary is not None
    folder.mkdir(parents=True, exist_ok=True)
    ca_cert = own_authority(folder)
    port, http, tls = free_ports(3)
    config = {
        "listenAddress": f"127.0.0.1:{port}",
        "certificate": str(folder / "server.pem"),
        "privateKey": str(folder / "server.key"),
        "httpPort": http,
        "tlsPort": tls,
        "keyAlgorithm": "ecdsa",
        "domainBlocklist": ["refused.example"],
        "profiles": {"default": {"description": "90 days", "validityPeriod": 90 * 86400}},
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": config}))
    made = Pebble(f"https://127.0.0.1:{port}/dir", str(ca_cert))
    environment = {**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0", **settings}
    command = [binary, "-config", str(folder / "pebble.json"), "-dnsserver", f"127.0.0.1:{dns_port}"]
    with (folder / "pebble.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
    try:
        until(lambda: _answers(made, process, folder), START_S, "pebble answers")
        yield made
    finally:
        process.terminate()
        process.wait(20)


def _answers(made: Pebble, process: subprocess.Popen[bytes], folder: Path) -> bool:
    assert process.poll() is None, (folder / "pebble.log").read_text()
    try:
        return requests.get(made.directory, verify=made.ca_cert, timeout=5).ok
    except requests.RequestException:
        return False


def own_authority(folder: Path) -> Path:
    """An authority (ca.pem) and a certificate of 127.0.0.1 by it (server.pem, server.key)."""
    authority = ec.generate_private_key(ec.SECP256R1())
    server = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Authority")])
    ca = _certificate(name, name, authority.public_key(), authority, x509.BasicConstraints(ca=True, path_length=None))
    loopback = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    leaf = _certificate(x509.Name([]), name, server.public_key(), authority, loopback)
    (folder / "ca.pem").write_bytes(ca.public_bytes(Encoding.PEM))
    (folder / "server.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    (folder / "server.key").write_bytes(server.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder / "ca.pem"


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    by: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(extension, critical=True)
        .sign(by, hashes.SHA256())
    )
