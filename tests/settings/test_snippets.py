"""The consul-template texts against a real Consul: valid, sorted, steady, and never empty."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pryv_nomad.settings.document import Hostings, MachineAddress, Providers
from pryv_nomad.settings.snippets import address_key, consul_template
from pryv_nomad.specs.escape import go_string
from tests.ports import free_port

_TOOLS = Path(__file__).resolve().parents[2] / "tools" / "bin"


def _binary(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=str(_TOOLS))


CONSUL, CONSUL_TEMPLATE = _binary("consul"), _binary("consul-template")
needs_consul = pytest.mark.skipif(
    not (CONSUL and CONSUL_TEMPLATE), reason="no consul or no consul-template (`make tools` builds them)"
)

DOMAIN = "pryv.example"
KNOWN = {
    "ch": {"url": "https://ch.example", "name": 'a"b\\c\n${d} {{ e }} 🦊', "description": ""},
    "fr": {"url": "https://fr.example", "name": "France", "description": ""},
}
HOSTINGS = consul_template(Hostings(DOMAIN, json.dumps(KNOWN, ensure_ascii=False)), go_string)
PROVIDERS = consul_template(Providers(DOMAIN, json.dumps(KNOWN, ensure_ascii=False)), go_string)
GENERATION = f"pryv-nomad/{DOMAIN}/members/generation"


@dataclass
class Consul:
    """A Consul agent of its own, in memory."""

    port: int

    def call(self, method: str, path: str, body: Any = None) -> bytes:
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, f"/v1/{path}", data)
            response = connection.getresponse()
            assert response.status == 200, response.read()
            return response.read()

    def enlist(self, core: str, hosting: str, address: str, domain: str = DOMAIN, state: str = "") -> None:
        meta = {"core": core, "hosting": hosting, "platform": domain} | ({"state": state} if state else {})
        service = {
            "ID": f"pryv-core-{core}",
            "Service": "pryv-core",
            "Address": address,
            "Tags": [core, hosting],
            "Meta": meta,
        }
        node = f"pryv-core-{core}-{domain}"
        self.call("PUT", "catalog/register", {"Node": node, "Address": "127.0.0.1", "Service": service})

    def put(self, key: str, value: str) -> None:
        self.call("PUT", f"kv/{key}", value.encode())

    def wipe(self) -> None:
        """Forget all cores and keys."""
        for instance in json.loads(self.call("GET", "catalog/service/pryv-core")):
            self.call("PUT", "catalog/deregister", {"Node": instance["Node"]})
        self.call("DELETE", "kv/?recurse=true")


@pytest.fixture(scope="module")
def agent() -> Iterator[Consul]:
    assert CONSUL is not None
    port = free_port()
    ports = {
        "server": free_port(),
        "serf-lan": free_port(),
        "serf-wan": -1,
        "grpc": -1,
        "grpc-tls": -1,
        "dns": -1,
        "https": -1,
    }
    command = [CONSUL, "agent", "-dev", "-bind=127.0.0.1", f"-http-port={port}", "-log-level=err"]
    command += [f"-{name}-port={number}" for name, number in ports.items()]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CONSUL_")}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            consul = Consul(port)
            until(lambda: _leads(consul), "Consul has a leader")
            yield consul
        finally:
            process.terminate()
            process.wait(20)


def _leads(consul: Consul) -> bool:
    try:
        return len(consul.call("GET", "status/leader")) > 4
    except (OSError, AssertionError):
        return False


@pytest.fixture
def consul(agent: Consul) -> Iterator[Consul]:
    agent.wipe()
    yield agent
    agent.wipe()


def seen(folder: Path) -> str:
    """What consul-template last saw of the catalog, empty before its first look."""
    file = folder / "seen"
    return file.read_text() if file.exists() else ""


def until(holds: Callable[[], bool], what: str, limit: float = 30) -> None:
    deadline = time.monotonic() + limit
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit} s: {what}")
        time.sleep(0.02)


@contextlib.contextmanager
def templating(consul: Consul, folder: Path, text: str) -> Iterator[Path]:
    """consul-template at work; the file that it writes. Beside it, `seen` says what Consul holds by now."""
    assert CONSUL_TEMPLATE is not None
    source, target = folder / "source.ctmpl", folder / "target"
    source.write_text(text, encoding="utf-8")
    (folder / "seen.ctmpl").write_text(f'{{{{ len (service "pryv-core|any") }}}} {{{{ keyExists "{GENERATION}" }}}}')
    templates = {source: target, folder / "seen.ctmpl": folder / "seen"}
    command = [CONSUL_TEMPLATE, f"-consul-addr=127.0.0.1:{consul.port}", "-log-level=err", "-kill-signal=SIGTERM"]
    command += [f"-template={left}:{right}" for left, right in templates.items()]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield target
        finally:
            process.terminate()
            process.wait(20)


def rendered(consul: Consul, folder: Path, text: str) -> str:
    with templating(consul, folder, text) as target:
        until(target.exists, "a file is written")
        return target.read_text(encoding="utf-8")


pytestmark = needs_consul


def test_cores_are_listed_by_hosting_and_name(consul: Consul, tmp_path: Path) -> None:
    for core, hosting, address in (
        ("co2", "fr", "192.0.2.2"),
        ("co10", "ch", "192.0.2.10"),
        ("co1", "ch", "192.0.2.1"),
    ):
        consul.enlist(core, hosting, address)
    consul.enlist("other", "ch", "192.0.2.99", domain="other.example")
    consul.put(GENERATION, "1")
    assert rendered(consul, tmp_path, HOSTINGS) == (
        '{"ch":{"co1":{"ip":"192.0.2.1"},"co10":{"ip":"192.0.2.10"}},"fr":{"co2":{"ip":"192.0.2.2"}}}'
    )


def test_a_core_that_fails_its_check_stays_listed(consul: Consul, tmp_path: Path) -> None:
    consul.enlist("co1", "ch", "192.0.2.1")
    node = f"pryv-core-co1-{DOMAIN}"
    check = {"CheckID": "api", "Name": "api", "Status": "critical", "ServiceID": "pryv-core-co1"}
    consul.call(
        "PUT", "catalog/register", {"Node": node, "Address": "127.0.0.1", "SkipNodeUpdate": True, "Check": check}
    )
    consul.put(GENERATION, "1")
    assert json.loads(rendered(consul, tmp_path, HOSTINGS)) == {"ch": {"co1": {"ip": "192.0.2.1"}}}


def test_whatever_the_catalog_holds_is_valid_json(consul: Consul, tmp_path: Path) -> None:
    odd = 'a"b\\c\n{{ d }}</script>🦊'
    consul.enlist("co1", odd, "192.0.2.1")
    consul.enlist("co2", "ch", odd)
    consul.enlist("", "ch", "192.0.2.3")
    consul.enlist("co4", "", "192.0.2.4")
    consul.put(GENERATION, odd)
    found = json.loads(rendered(consul, tmp_path, HOSTINGS))
    assert found == {odd: {"co1": {"ip": "192.0.2.1"}}, "ch": {"co2": {"ip": odd}}}


def test_a_wiped_consul_leaves_the_last_file(consul: Consul, tmp_path: Path) -> None:
    consul.enlist("co1", "ch", "192.0.2.1")
    consul.put(GENERATION, "1")
    with templating(consul, tmp_path, HOSTINGS) as target:
        until(target.exists, "a file is written")
        before = target.read_text()
        consul.wipe()
        until(lambda: seen(tmp_path) == "0 false", "the wipe is seen")
        assert target.read_text() == before
    (tmp_path / "seen").unlink()
    with templating(consul, tmp_path, HOSTINGS) as target:
        until((tmp_path / "seen").exists, "a fresh start has asked Consul")
        assert target.read_text() == before


def test_without_any_core_the_last_file_stays(consul: Consul, tmp_path: Path) -> None:
    consul.enlist("co1", "ch", "192.0.2.1")
    consul.put(GENERATION, "1")
    with templating(consul, tmp_path, HOSTINGS) as target:
        until(target.exists, "a file is written")
        before = target.read_text()
        consul.call("PUT", "catalog/deregister", {"Node": f"pryv-core-co1-{DOMAIN}"})
        until(lambda: seen(tmp_path) == "0 true", "the loss is seen")
        assert target.read_text() == before
        consul.enlist("co2", "fr", "192.0.2.2")
        until(lambda: target.read_text() != before, "the next core is listed")
        assert json.loads(target.read_text()) == {"fr": {"co2": {"ip": "192.0.2.2"}}}


def test_a_platform_that_has_had_no_core_yet_has_its_hostings_without_any(consul: Consul, tmp_path: Path) -> None:
    consul.put(GENERATION, "0")
    assert rendered(consul, tmp_path, HOSTINGS) == '{"ch":{},"fr":{}}'
    consul.enlist("co1", "ch", "192.0.2.1", state="joining")
    with templating(consul, tmp_path, f"[{HOSTINGS},{PROVIDERS}]") as target:
        until(lambda: json.loads(target.read_text() or "0") == [{"ch": {}, "fr": {}}, KNOWN], "both are whole")
        consul.enlist("co1", "ch", "192.0.2.1", state="active")
        expected = [{"ch": {"co1": {"ip": "192.0.2.1"}}}, {"ch": KNOWN["ch"]}]
        until(lambda: json.loads(target.read_text()) == expected, "the first core is listed")


@pytest.mark.parametrize(("state", "there"), [("", True), ("active", True), ("draining", True), ("joining", False)])
def test_a_core_is_listed_from_its_first_health_until_it_is_removed(
    consul: Consul, tmp_path: Path, state: str, there: bool
) -> None:
    consul.enlist("co1", "ch", "192.0.2.1", state=state)
    consul.enlist("co2", "fr", "192.0.2.2", state="active")
    consul.put(GENERATION, "1")
    assert ("ch" in json.loads(rendered(consul, tmp_path, HOSTINGS))) is there


def test_only_listed_hostings_are_described(consul: Consul, tmp_path: Path) -> None:
    consul.enlist("co1", "ch", "192.0.2.1")
    consul.enlist("co2", "unknown", "192.0.2.2")
    consul.put(GENERATION, "1")
    assert json.loads(rendered(consul, tmp_path, PROVIDERS)) == {"ch": KNOWN["ch"]}


def test_a_machine_s_address_is_waited_for_and_is_nothing_else(consul: Consul, tmp_path: Path) -> None:
    text = consul_template(MachineAddress("static", DOMAIN), go_string)
    consul.put(address_key(DOMAIN, "static"), '2001:db8::7\n", "x": "')
    assert rendered(consul, tmp_path, f'{{"ip": "{text}"}}') == '{"ip": "2001:db8::7"}'
