"""Each kind of gate against a small real server, a real process, or the simulator."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from pryv_nomad.clients.consul import Consul
from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.clients.options import ConsulOptions, NomadOptions
from pryv_nomad.clients.retries import NEVER
from pryv_nomad.gates.asking import gates_of
from pryv_nomad.gates.command import CommandSource
from pryv_nomad.gates.consul import ConsulSource
from pryv_nomad.gates.http import HttpSource
from pryv_nomad.gates.measuring import Measurement, Outcome
from pryv_nomad.gates.nomad import NomadSource
from pryv_nomad.gates.prometheus import PrometheusSource, compare
from pryv_nomad.model.gates import CommandGate, ConsulGate, HttpGate, NomadGate, PrometheusGate
from pryv_nomad.rollout.gating import Question, Verdict, promotion_point, wave_point
from pryv_nomad.simulator import Simulator
from pryv_nomad.simulator.http import serve
from tests.gates.servers import prometheus, serving, vector

WAVE = Question(wave_point(1), ("co1", "co2"))
PROMOTION = Question(promotion_point("pryv-core-co1"), ("co1",))


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def nobody() -> Consul:
    return Consul(ConsulOptions(address=f"http://127.0.0.1:{closed_port()}"), retries=NEVER)


def said(measurement: Measurement) -> tuple[Outcome, str]:
    return measurement.outcome, measurement.reason


# -- http


def test_http_asks_each_core_and_judges_status_and_body() -> None:
    def answer(path: str) -> tuple[int, bytes]:
        return (200, b"pryv ok") if path == "/co1" else (200, b"starting")

    with serving(answer) as server:
        gate = HttpGate(url=f"{server.address}/{{core}}", contains="ok")
        found = HttpSource(gate, nobody()).measure(WAVE)
        assert said(found) == (Outcome.BAD, "co2: status 200, but the text is not in the body")
        assert sorted(server.paths) == ["/co1", "/co2"]
        gate = HttpGate(url=f"{server.address}/{{core}}")
        assert HttpSource(gate, nobody()).measure(WAVE).outcome is Outcome.GOOD


@pytest.mark.parametrize(("status", "outcome"), [(200, Outcome.GOOD), (503, Outcome.BAD), (302, Outcome.BAD)])
def test_http_takes_the_status_as_it_is(status: int, outcome: Outcome) -> None:
    with serving(lambda _: (status, b"")) as server:
        assert HttpSource(HttpGate(url=server.address), nobody()).measure(WAVE).outcome is outcome


def test_http_that_is_not_there_is_silent_and_its_path_is_not_told() -> None:
    found = HttpSource(HttpGate(url=f"http://127.0.0.1:{closed_port()}/a-secret"), nobody()).measure(PROMOTION)
    assert found.outcome is Outcome.SILENT
    assert "a-secret" not in found.reason.partition(": ")[2]


def test_http_that_does_not_answer_in_time_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        found = HttpSource(HttpGate(url=url, timeout="200ms"), nobody()).measure(PROMOTION)
    assert found.outcome is Outcome.SILENT
    assert "no answer in time" in found.reason


def test_http_asks_the_canary_at_its_address_in_consul() -> None:
    with serving(lambda _: (200, b"")) as target:
        port = int(target.address.rsplit(":", 1)[1])
        services = [
            {"Node": {"Address": "127.0.0.1"}, "Service": {"Tags": ["co1-canary"], "Address": "", "Port": port}},
            {"Node": {"Address": "127.0.0.1"}, "Service": {"Tags": ["co1"], "Address": "", "Port": 1}},
        ]
        with answering(services) as consul:
            gate = HttpGate(service="pryv-core-api", path="/probe")
            assert HttpSource(gate, consul).measure(PROMOTION).outcome is Outcome.GOOD
            assert target.paths == ["/probe"]
            other = Question(promotion_point("pryv-core-co9"), ("co9",))
            assert HttpSource(gate, consul).measure(other).outcome is Outcome.SILENT


def answering(body: Any) -> Any:
    """A Consul that answers everything with `body`."""
    import json
    from contextlib import contextmanager

    @contextmanager
    def made() -> Any:
        with serving(lambda _: (200, json.dumps(body).encode())) as server:
            yield Consul(ConsulOptions(address=server.address), retries=NEVER)

    return made()


# -- prometheus

SEVERAL = "the query gives several series; make one number of them, such as with sum()"


def judged(results: dict[str, Any], **gate: Any) -> Measurement:
    with prometheus(results) as server:
        return PrometheusSource(PrometheusGate(address=server.address, **gate)).measure(WAVE)


@pytest.mark.parametrize(
    ("data", "outcome", "text"),
    [
        (vector("0.4"), Outcome.GOOD, "0.4"),
        (vector("0.6"), Outcome.BAD, "0.6; must be at most 0.5"),
        ({"resultType": "scalar", "result": [0, "0.5"]}, Outcome.GOOD, "0.5"),
        (vector("+Inf"), Outcome.BAD, "inf; must be at most 0.5"),
        (vector(), Outcome.SILENT, "the query found no data"),
        (vector("NaN"), Outcome.SILENT, "the query's result is not a number (NaN)"),
        (vector("0.1", "0.2"), Outcome.SILENT, SEVERAL),
        ({"resultType": "matrix", "result": []}, Outcome.SILENT, SEVERAL),
    ],
)  # fmt: skip
def test_prometheus_against_a_threshold(data: Any, outcome: Outcome, text: str) -> None:
    assert said(judged({"q": data}, query="q", max=0.5)) == (outcome, text)


@pytest.mark.parametrize(
    ("canary", "stable", "outcome"), [("3", "2", Outcome.GOOD), ("5", "2", Outcome.BAD), ("0", "0", Outcome.GOOD)]
)
def test_prometheus_compares_canary_with_stable(canary: str, stable: str, outcome: Outcome) -> None:
    found = judged({"c": vector(canary), "s": vector(stable)}, query="c", baseline="s", max=2.0)
    assert found.outcome is outcome


def test_errors_where_stable_has_none_are_too_many() -> None:
    assert judged({"c": vector("1"), "s": vector("0")}, query="c", baseline="s", max=2).outcome is Outcome.BAD
    assert compare(5, 3, "difference") == 2


@pytest.mark.parametrize("count", [vector("9"), vector(), vector("NaN")])
def test_prometheus_waits_below_a_minimum_of_requests(count: Any) -> None:
    found = judged({"n": count, "q": vector("9")}, query="q", max=1, requests="n", min_requests=10)
    assert found.outcome is Outcome.WAIT
    assert "needs 10 to judge" in found.reason


def test_prometheus_puts_the_cores_into_the_query() -> None:
    assert judged({'x{core=~"co1|co2"}': vector("1")}, query='x{core=~"{cores}"}', max=1).outcome is Outcome.GOOD


def test_prometheus_that_refuses_is_down_or_is_something_else_is_silent() -> None:
    assert said(judged({}, query="nope", max=1)) == (Outcome.SILENT, "Prometheus refused the query: unknown nope")
    gate = PrometheusGate(address=f"http://127.0.0.1:{closed_port()}", query="q", max=1)
    assert PrometheusSource(gate).measure(WAVE).outcome is Outcome.SILENT
    with serving(lambda _: (200, b"<html>login</html>")) as server:
        gate = PrometheusGate(address=server.address, query="q", max=1)
        assert PrometheusSource(gate).measure(WAVE).outcome is Outcome.SILENT


def test_prometheus_gets_the_token_and_without_one_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    with prometheus({"q": vector("1")}) as server:
        source = PrometheusSource(PrometheusGate(address=server.address, query="q", max=1, token_env="PROM_TOKEN"))
        assert source.measure(WAVE).outcome is Outcome.SILENT
        monkeypatch.setenv("PROM_TOKEN", "s3cret")
        assert source.measure(WAVE).outcome is Outcome.GOOD
        assert server.headers[-1]["Authorization"] == "Bearer s3cret"


# -- a command


def command(code: str, **more: Any) -> Measurement:
    return CommandSource(CommandGate(argv=(sys.executable, "-c", code), **more)).measure(WAVE)


@pytest.mark.parametrize(
    ("code", "more", "outcome"),
    [
        ("print('fine')", {}, Outcome.GOOD),
        ("raise SystemExit(1)", {}, Outcome.BAD),
        ("raise SystemExit(75)", {}, Outcome.WAIT),
        ("raise SystemExit(3)", {"wait": (3,)}, Outcome.WAIT),
        ("import time; time.sleep(60)", {"timeout": "300ms"}, Outcome.SILENT),
    ],
)
def test_a_command_says_by_its_exit_code(code: str, more: dict[str, Any], outcome: Outcome) -> None:
    assert command(code, **more).outcome is outcome


def test_a_command_knows_its_cores_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOMAD_TOKEN", "s3cret")
    monkeypatch.setenv("WANTED", "yes")
    names = "import os; print(sorted(name for name in os.environ if name != 'LC_CTYPE'))"
    assert command(names, env=("WANTED",)).reason == str(
        ["LANG", "PATH", "PRYV_NOMAD_CORES", "PRYV_NOMAD_POINT", "WANTED"]
    )
    assert command("import os; print(os.environ['PRYV_NOMAD_CORES'])").reason == "co1 co2"


def test_a_command_goes_through_no_shell(tmp_path: Path) -> None:
    gate = CommandGate(argv=("echo", f"$(touch {tmp_path}/made)", ";", "false"))
    assert CommandSource(gate).measure(WAVE).reason == f"$(touch {tmp_path}/made) ; false"
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_is_not_there_is_silent() -> None:
    assert CommandSource(CommandGate(argv=("/no/such/program",))).measure(WAVE).outcome is Outcome.SILENT


# -- Nomad and Consul


def deployment(job: str, index: int, status: str = "running", **group: Any) -> dict[str, Any]:
    return {
        "ID": f"{job}-{index}", "JobID": job, "CreateIndex": index, "Status": status, "StatusDescription": "why",
        "TaskGroups": {"api": {"DesiredTotal": 1, "PlacedAllocs": 1, "HealthyAllocs": 1, **group}},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        ([deployment("pryv-core-co1", 2, "successful"), deployment("pryv-core-co1", 1, "failed")], Outcome.GOOD),
        ([deployment("pryv-core-co1", 1, "successful"), deployment("pryv-core-co1", 2, "failed")], Outcome.BAD),
        ([deployment("pryv-core-co1", 1, DesiredCanaries=1, DesiredTotal=3)], Outcome.GOOD),
        ([deployment("pryv-core-co1", 1, DesiredCanaries=1, HealthyAllocs=0)], Outcome.WAIT),
        ([deployment("pryv-core-co1", 1, UnhealthyAllocs=1)], Outcome.BAD),
        ([deployment("pryv-core-co9", 1, "failed")], Outcome.WAIT),
    ],
)
def test_nomad_judges_the_newest_deployment_of_each_job(found: list[dict[str, Any]], outcome: Outcome) -> None:
    import json

    with serving(lambda _: (200, json.dumps(found).encode())) as server:
        nomad = Nomad(NomadOptions(address=server.address, namespace="default"), retries=NEVER)
        assert NomadSource(NomadGate(), nomad).measure(PROMOTION).outcome is outcome


def check(core: str, status: str = "passing", service: str = "pryv-core-api") -> dict[str, Any]:
    return {
        "ServiceID": f"{service}-{core}", "ServiceName": service, "ServiceTags": [core], "Name": "alive",
        "Status": status,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("checks", "outcome", "text"),
    [
        ([check("co1"), check("co2"), check("co3", "critical")], Outcome.GOOD, "all 2 good"),
        ([check("co1")], Outcome.BAD, "co2: no checks in Consul"),
        ([check("co1"), check("co2", "warning")], Outcome.BAD, "co2: pryv-core-api: alive is warning"),
        ([check("co1"), check("co2"), check("co2", "critical", "other")], Outcome.GOOD, "all 2 good"),
    ],
)
def test_consul_wants_all_checks_of_the_cores_passing(checks: list[Any], outcome: Outcome, text: str) -> None:
    with answering(checks) as consul:
        assert said(ConsulSource(ConsulGate(services=("pryv-core-api",)), consul).measure(WAVE)) == (outcome, text)


def test_consul_looks_at_the_canary_before_a_promotion() -> None:
    with answering([check("co1"), check("co1-canary", "critical")]) as consul:
        assert ConsulSource(ConsulGate(), consul).measure(PROMOTION).outcome is Outcome.BAD


def test_a_nomad_or_consul_that_is_gone_is_silent() -> None:
    nomad = Nomad(NomadOptions(address=f"http://127.0.0.1:{closed_port()}", namespace="default"), retries=NEVER)
    assert NomadSource(NomadGate(), nomad).measure(WAVE).outcome is Outcome.SILENT
    assert ConsulSource(ConsulGate(), nobody()).measure(WAVE).outcome is Outcome.SILENT


def test_the_simulated_nomad_and_consul_are_understood() -> None:
    with serve(Simulator(seed=1)) as serving_:
        nomad = Nomad(NomadOptions(address=serving_.nomad_address, namespace="default"), retries=NEVER)
        consul = Consul(ConsulOptions(address=serving_.consul_address), retries=NEVER)
        gates = gates_of([{"name": "nomad", "nomad": {}}, {"name": "consul", "consul": {}}], nomad, consul)
        readings = gates.read([WAVE], frozenset(), 0)
        assert [(each.name, each.verdict) for each in readings] == [("nomad", Verdict.WAIT), ("consul", Verdict.WAIT)]
