"""Cores outside Nomad are asked over TLS at their address, by their name."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pryv_nomad.bridge.desired import Desired, DesiredCore
from pryv_nomad.bridge.probing import Prober, ProbeSettings, Target, ask, context_of
from pryv_nomad.bridge.thresholds import Thresholds
from pryv_nomad.secrets.self_signed import self_signed
from tests.bridge.running import catalog, listed, running, want
from tests.consul_server import until

DOMAIN = "pryv.example"


class Core(ThreadingHTTPServer):
    """A core: answers `GET /` with `status`, and notes the Host that was asked for."""

    daemon_threads = True

    def __init__(self, certificate: Path, key: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.hosts, self.most, self.now = 200, [], 0, 0
        self.lock = threading.Lock()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that refuses the certificate is no news."""


class Handler(BaseHTTPRequestHandler):
    server: Core

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.now += 1
            self.server.most = max(self.server.most, self.server.now)
        self.server.hosts.append(self.headers["Host"])
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        with self.server.lock:
            self.server.now -= 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = self_signed(DOMAIN, datetime.now(UTC) - timedelta(hours=1))
    (folder / "certificate.pem").write_bytes(certificate)
    (folder / "key.pem").write_bytes(key)
    return folder / "certificate.pem", folder / "key.pem"


@pytest.fixture
def core(certificate) -> Iterator[Core]:
    server = Core(*certificate)
    yield server
    server.shutdown()
    server.server_close()


def settings(certificate, **more) -> ProbeSettings:
    values = {"ca_file": str(certificate[0]), "timeout_s": 2.0, "interval_s": 0.1, "thresholds": Thresholds(2, 2)}
    return ProbeSettings(**{**values, **more})


def answer(target: Target, given: ProbeSettings) -> tuple[bool, str]:
    return ask(target, given, context_of(given))


def target(port: int, name: str = f"co1.{DOMAIN}") -> Target:
    return Target("co1", name, "127.0.0.1", port)


@pytest.mark.parametrize(("status", "passed"), [(200, True), (302, True), (404, False), (503, False)])
def test_a_status_below_400_passes(core, certificate, status, passed) -> None:
    core.status = status
    assert answer(target(core.port), settings(certificate)) == (passed, f"GET / answers {status}")
    assert core.hosts == [f"co1.{DOMAIN}"]


def test_a_certificate_for_another_name_fails_and_says_so(core, certificate) -> None:
    passed, why = answer(target(core.port, "co1.other.example"), settings(certificate))
    assert not passed
    assert why.startswith("its certificate: ")
    assert core.hosts == []


def test_an_authority_that_is_not_known_fails(core) -> None:
    passed, why = answer(target(core.port), ProbeSettings(timeout_s=2.0))
    assert not passed
    assert why.startswith("its certificate: self")


def test_nobody_there_fails(certificate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    assert answer(target(port), settings(certificate)) == (False, "cannot connect: Connection refused")


def test_one_that_says_nothing_fails_in_time(certificate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = answer(target(silent.getsockname()[1]), settings(certificate, timeout_s=0.2))
    assert found == (False, "no answer within 0.2 s")


def test_one_that_does_not_speak_tls_fails(certificate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:
        threading.Thread(target=lambda: plain.accept()[0].sendall(b"220 smtp\r\n"), daemon=True).start()
        passed, why = answer(target(plain.getsockname()[1]), settings(certificate))
    assert not passed
    assert why.startswith(("TLS: ", "cannot connect: "))


def test_many_cores_are_asked_a_few_at_a_time(core, certificate) -> None:
    prober = Prober(settings(certificate), threading.Event(), threading.Event())
    prober.follow(Target(f"co{at}", f"co{at}.{DOMAIN}", "127.0.0.1", core.port) for at in range(100))
    for _ in range(2):
        prober.round()
    assert len(prober.observed()) == 100
    assert core.most <= 16


def test_a_core_outside_nomad_is_listed_after_so_many_answers_and_stays_when_it_fails(
    core, certificate, consul, nomad
) -> None:
    want(consul, Desired("1.9.2", (DesiredCore("co1", "ch", "127.0.0.1", external=True, port=core.port),)))
    core.status = 503
    with running(consul, nomad.client(), probes=settings(certificate)):
        until(
            lambda: "co1" in catalog(consul) and status(consul) == ("critical", "joining; GET / answers 503"),
            15,
            "it fails",
        )
        core.status = 200
        until(lambda: listed(consul) == {"co1"}, 15, "it is listed")
        core.status = 500
        until(lambda: status(consul) == ("critical", "GET / answers 500"), 15, "it fails again")
        assert listed(consul) == {"co1"}
        core.status = 200
        until(lambda: status(consul) == ("passing", "GET / answers 200"), 15, "it passes again")


def status(consul) -> tuple[str, str]:
    entry = catalog(consul)["co1"].entry
    return entry.status, entry.output
