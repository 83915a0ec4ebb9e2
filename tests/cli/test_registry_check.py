"""`pryv-nomad registry check` from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pryv_nomad.bridge.reading import members_prefix
from pryv_nomad.bridge.states import Membership, State
from pryv_nomad.cli import invoke
from tests.consul_server import ConsulContainer, ConsulServer, consul_server
from tests.registry.texts import DOMAIN, text


@pytest.fixture(scope="module")
def consul(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsulServer | ConsulContainer]:
    with consul_server(tmp_path_factory.mktemp("consul")) as server:
        yield server


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "one.json").write_bytes(text("co1"))
    (tmp_path / "two.json").write_bytes(text("co1", "co2"))
    (tmp_path / "broken.json").write_bytes(text("co1")[:-10])
    return tmp_path


def test_a_good_file(files: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(["registry", "check", str(files / "two.json"), "--previous", str(files / "one.json")]) == 0
    assert capfd.readouterr().out == f"{files}/two.json: good, 2 cores: now with co2\n"


def test_a_broken_file(files: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(["registry", "check", "--offline", str(files / "broken.json")]) == 6
    assert "not JSON" in capfd.readouterr().err


def test_a_file_that_is_not_there(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(["registry", "check", str(tmp_path / "x.json")]) == 11
    assert "No such file" in capfd.readouterr().err


def test_a_lost_core_unless_it_was_removed(files: Path, capfd: pytest.CaptureFixture[str]) -> None:
    check = ["registry", "check", "--offline", str(files / "one.json"), "--previous", str(files / "two.json")]
    assert invoke(check) == 6
    assert "co2 would be lost, and nobody removed it" in capfd.readouterr().err
    assert invoke([*check, "--removed", "co2"]) == 0


def test_consul_is_asked_for_removed_cores(
    files: Path,
    consul: ConsulServer | ConsulContainer,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CONSUL_HTTP_ADDR", consul.address)
    check = ["registry", "check", str(files / "one.json"), "--previous", str(files / "two.json")]
    with consul.client() as client:
        assert invoke(check) == 6
        client.kv_put(f"{members_prefix(DOMAIN)}co2", Membership("co2", State.DRAINING, "ch").to_text().encode())
        assert invoke(check) == 6
        client.kv_put(f"{members_prefix(DOMAIN)}co2", Membership("co2", State.GONE, "ch").to_text().encode())
        assert invoke(check) == 0
    assert capfd.readouterr().out == f"{files}/one.json: good, 1 core: now without co2\n"


def test_an_unreachable_consul_is_said_and_removes_nothing(
    files: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONSUL_HTTP_ADDR", "http://127.0.0.1:9")
    assert invoke(["registry", "check", str(files / "one.json"), "--previous", str(files / "two.json")]) == 6
    told = capfd.readouterr().err
    assert "note: without what Consul knows" in told
    assert "co2 would be lost" in told
