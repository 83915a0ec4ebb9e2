"""TLS is verified unless it is switched off, and each way to fail names the variable that helps."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pryv_nomad.clients.consul import Consul
from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.clients.options import ConsulOptions, NomadOptions
from pryv_nomad.clients.retries import NEVER
from pryv_nomad.errors import ConnectionSettingError, Unreachable

from .conftest import Authority, Reply, ScriptedServer, VirtualTime

Start = Callable[..., ScriptedServer]


def client(server: ScriptedServer, **options: Any) -> Nomad:
    return Nomad(NomadOptions(address=server.url, **options), retries=NEVER)


def test_a_named_authority_is_trusted(tls_server: Start, authority: Authority) -> None:
    server = tls_server("127.0.0.1")
    server.script(Reply(200, []))
    assert client(server, ca_cert=authority.path).list_jobs() == []


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_an_authority_in_a_folder_is_trusted(tls_server: Start, authority: Authority, tmp_path: Path) -> None:
    # OpenSSL looks an authority up by the hash of its name.
    command = ["openssl", "x509", "-hash", "-noout", "-in", authority.path]
    digest = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    (tmp_path / f"{digest}.0").write_bytes(Path(authority.path).read_bytes())
    server = tls_server("127.0.0.1")
    server.script(Reply(200, []))
    assert client(server, ca_path=str(tmp_path)).list_jobs() == []


@pytest.mark.parametrize("named", [False, True], ids=["the system's authorities", "another authority"])
def test_an_unknown_authority_names_the_ca_variable(tls_server: Start, other_authority: Authority, named: bool) -> None:
    server = tls_server("127.0.0.1")
    with pytest.raises(Unreachable, match="cannot speak TLS") as caught:
        client(server, ca_cert=other_authority.path if named else "").list_jobs()
    assert "NOMAD_CACERT" in caught.value.remedy
    assert server.requests == []


def test_a_wrong_host_name_names_the_server_name_variable(tls_server: Start, authority: Authority) -> None:
    server = tls_server("server.global.nomad")
    with pytest.raises(Unreachable, match="cannot speak TLS") as caught:
        client(server, ca_cert=authority.path).list_jobs()
    assert "NOMAD_TLS_SERVER_NAME" in caught.value.remedy
    assert server.requests == []


def test_the_server_name_of_the_options_is_what_the_certificate_must_carry(
    tls_server: Start, authority: Authority
) -> None:
    server = tls_server("server.global.nomad")
    server.script(Reply(200, []))
    named = client(server, ca_cert=authority.path, server_name="server.global.nomad")
    assert named.list_jobs() == []
    with pytest.raises(Unreachable, match="cannot speak TLS") as caught:
        client(server, ca_cert=authority.path, server_name="server.other.nomad").list_jobs()
    assert "NOMAD_TLS_SERVER_NAME" in caught.value.remedy


def test_a_right_address_does_not_help_against_a_wrong_server_name(tls_server: Start, authority: Authority) -> None:
    server = tls_server("127.0.0.1")
    with pytest.raises(Unreachable, match="cannot speak TLS"):
        client(server, ca_cert=authority.path, server_name="server.global.nomad").list_jobs()


def test_verification_can_be_switched_off(
    tls_server: Start, recwarn: pytest.WarningsRecorder, other_authority: Authority
) -> None:
    server = tls_server("somewhere.else")
    server.script(Reply(200, []))
    assert client(server, skip_verify=True).list_jobs() == []
    assert client(server, skip_verify=True, ca_cert=other_authority.path, server_name="x.example").list_jobs() == []
    assert not [warning for warning in recwarn if "Insecure" in str(warning.category)]


def test_a_client_certificate_is_shown(tls_server: Start, authority: Authority) -> None:
    server = tls_server("127.0.0.1", client_ca=authority.path)
    server.script(Reply(200, []))
    pair = authority.issue("operator")
    shown = client(server, ca_cert=authority.path, client_cert=pair.cert, client_key=pair.key)
    assert shown.list_jobs() == []


def test_a_missing_client_certificate_names_its_variables(tls_server: Start, authority: Authority) -> None:
    server = tls_server("127.0.0.1", client_ca=authority.path)
    with pytest.raises(Unreachable) as caught:
        client(server, ca_cert=authority.path).list_jobs()
    assert "NOMAD_CLIENT_CERT and NOMAD_CLIENT_KEY" in caught.value.remedy
    assert server.requests == []


def test_a_client_certificate_of_a_stranger_is_refused(
    tls_server: Start, authority: Authority, other_authority: Authority
) -> None:
    server = tls_server("127.0.0.1", client_ca=authority.path)
    pair = other_authority.issue("stranger")
    with pytest.raises(Unreachable):
        client(server, ca_cert=authority.path, client_cert=pair.cert, client_key=pair.key).list_jobs()
    assert server.requests == []


def test_a_handshake_that_is_broken_off_is_tried_again(
    tls_server: Start, authority: Authority, virtual: VirtualTime
) -> None:
    server = tls_server("127.0.0.1")
    server.script(Reply(200, []))
    server.handshakes_to_break = 2
    options = NomadOptions(address=server.url, ca_cert=authority.path)
    assert Nomad(options, timing=virtual.timing).list_jobs() == []
    assert len(virtual.pauses) == 2


def test_https_to_a_plain_port_names_the_address(server: ScriptedServer) -> None:
    options = NomadOptions(address=server.url.replace("http://", "https://"))
    with pytest.raises(Unreachable, match="cannot speak TLS") as caught:
        Nomad(options, retries=NEVER).list_jobs()
    assert "NOMAD_ADDR to an http:// address" in caught.value.remedy


def test_a_file_that_is_missing_or_no_certificate_names_its_variable(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("not a certificate")
    pair, other = authority.issue("one"), authority.issue("two")
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("NOMAD_CACERT", {"ca_cert": str(tmp_path / "missing.pem")}),
        ("NOMAD_CACERT", {"ca_cert": str(tmp_path / "empty.pem")}),
        ("NOMAD_CLIENT_CERT", {"client_cert": str(tmp_path / "missing.pem"), "client_key": pair.key}),
        ("NOMAD_CLIENT_KEY", {"client_cert": pair.cert, "client_key": other.key}),
    ]
    for variable, options in wrong:
        with pytest.raises(ConnectionSettingError, match=variable) as caught:
            Nomad(NomadOptions(address="https://127.0.0.1:1", **options))
        assert caught.value.exit_code == 2


def test_a_key_with_a_password_is_refused_without_asking(authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue("locked")
    locked = tmp_path / "locked.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"sesame"),
        )
    )
    with pytest.raises(ConnectionSettingError, match="password"):
        Nomad(NomadOptions(address="https://127.0.0.1:1", client_cert=pair.cert, client_key=str(locked)))


def test_consul_has_the_same_habits_under_its_own_names(tls_server: Start, authority: Authority) -> None:
    server = tls_server("server.dc1.consul")
    server.script(Reply(200, '"127.0.0.1:8300"'))
    options = ConsulOptions(address=server.url, ca_cert=authority.path)
    with pytest.raises(Unreachable) as caught:
        Consul(options, retries=NEVER).leader()
    assert "CONSUL_TLS_SERVER_NAME" in caught.value.remedy
    with pytest.raises(Unreachable) as caught:
        Consul(ConsulOptions(address=server.url), retries=NEVER).leader()
    assert "CONSUL_CACERT" in caught.value.remedy
    named = ConsulOptions(address=server.url, ca_cert=authority.path, server_name="server.dc1.consul")
    assert Consul(named, retries=NEVER).leader() == "127.0.0.1:8300"
