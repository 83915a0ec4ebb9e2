"""`pryv-nomad bridge` as a user runs it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pryv_nomad.bridge.leadership import leader_key
from pryv_nomad.cli import invoke
from tests.bridge.conftest import consul, nomad, real_consul
from tests.bridge.running import DOMAIN, listed, want, wanting
from tests.bridge.small_nomad import stubs
from tests.consul_server import until
from tests.ports import free_ports

__all__ = ["consul", "nomad", "real_consul"]


@pytest.fixture
def environment(real_consul, nomad, monkeypatch) -> dict[str, str]:
    values = {"CONSUL_HTTP_ADDR": real_consul.address, "NOMAD_ADDR": nomad.address}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return {"PATH": os.environ["PATH"], **values}


@contextmanager
def started(environment: dict[str, str], *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "pryv_nomad", "bridge", "--domain", DOMAIN, "--lock-delay", "0", *options]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def fetched(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def test_once_registers_what_there_is_and_prints_a_sentence(consul, nomad, environment, capfd) -> None:
    want(consul, wanting("co1", "co2"))
    nomad.runs(*stubs("co1"), *stubs("co2"))
    assert invoke(["bridge", "--domain", DOMAIN, "--once", "--name", "me"]) == 0
    assert listed(consul) == {"co1", "co2"}
    line = json.loads(capfd.readouterr().out.splitlines()[0])
    assert (line["platform"], line["bridge"], line["event"]) == (DOMAIN, "me", "changed")
    assert line["sentence"].startswith("2 cores listed; recorded: co1, co2")
    assert line["actions"]["Register"] == 2


def test_once_beside_a_bridge_that_leads_is_refused(consul, nomad, environment, capfd) -> None:
    session = consul.session_create("other", ttl_s=600, lock_delay_s=0)
    consul.acquire(leader_key(DOMAIN), b'{"name": "other"}', session)
    assert invoke(["bridge", "--domain", DOMAIN, "--once", "--wait", "0.5"]) == 6
    assert "standing by; other leads" in capfd.readouterr().err


def test_once_without_consul_says_so(nomad, environment, capfd, monkeypatch) -> None:
    monkeypatch.setenv("CONSUL_HTTP_ADDR", f"http://127.0.0.1:{free_ports(1)[0]}")
    assert invoke(["bridge", "--domain", DOMAIN, "--once", "--wait", "0.5"]) == 7
    assert "cannot reach Consul" in capfd.readouterr().err


def test_numbers_and_health_are_served_and_sent(consul, nomad, environment) -> None:
    want(consul, wanting("co1"))
    nomad.runs(*stubs("co1"))
    (port,) = free_ports(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as statsd:
        statsd.bind(("127.0.0.1", 0))
        statsd.settimeout(20)
        options = ("--listen", f"127.0.0.1:{port}", "--statsd", f"127.0.0.1:{statsd.getsockname()[1]}")
        with started(environment, *options, "--interval", "1") as process:
            until(lambda: "1 core listed" in fetched(port, "/healthz")[1], 20, "it is healthy")
            assert fetched(port, "/healthz")[0] == 200
            _, numbers = fetched(port, "/metrics")
            assert "pryv_nomad_bridge_leader 1\n" in numbers
            assert 'pryv_nomad_bridge_members{state="active"} 1\n' in numbers
            assert 'pryv_nomad_bridge_cores{status="passing"} 1\n' in numbers
            assert fetched(port, "/else")[0] == 404
            assert statsd.recv(2000).startswith(b"pryv_nomad.bridge.")
            nomad.set_down(True)
            until(lambda: "pryv_nomad_bridge_nomad_up 0" in fetched(port, "/metrics")[1], 20, "Nomad is down")
            assert process.poll() is None


def test_without_consul_health_goes_stale(nomad, environment) -> None:
    listen, consul_port = free_ports(2)
    gone = environment | {"CONSUL_HTTP_ADDR": f"http://127.0.0.1:{consul_port}"}
    with started(gone, "--listen", f"127.0.0.1:{listen}", "--interval", "1"):
        until(lambda: fetched(listen, "/healthz")[0] == 503, 20, "it is stale")
        assert "cannot reach Consul" in fetched(listen, "/healthz")[1]


@pytest.mark.parametrize("address", ["nope", "localhost", "127.0.0.1:x", "127.0.0.1:70000"])
def test_an_address_that_is_none_is_wrong_usage(address, capfd) -> None:
    assert invoke(["bridge", "--domain", DOMAIN, "--listen", address]) == 2
    assert "is not HOST:PORT" in capfd.readouterr().err


def test_a_port_that_is_taken_is_told(consul, environment, capfd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        assert invoke(["bridge", "--domain", DOMAIN, "--listen", f"127.0.0.1:{port}"]) == 11
    assert "cannot listen there: Address already in use" in capfd.readouterr().err


def test_an_authority_file_that_is_none_is_told(consul, environment, tmp_path, capfd) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    assert invoke(["bridge", "--domain", DOMAIN, "--once", "--probe-ca", str(tmp_path / "ca.pem")]) == 2
    assert "--probe-ca" in capfd.readouterr().err
