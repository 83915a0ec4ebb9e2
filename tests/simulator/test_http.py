"""The HTTP face: faults, the clock, streams, keep-alive, an orderly end. What it answers is the contract suite's."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.clients.options import NomadOptions
from pryv_nomad.clients.retries import NEVER, Retries
from pryv_nomad.errors import ApiError, Unreachable
from pryv_nomad.simulator import Simulator
from pryv_nomad.simulator.http import Serving, serve
from simulator.specs import SECOND, cluster, job, pinned, register, task

Json = dict[str, Any]


@pytest.fixture
def serving() -> Iterator[Serving]:
    with serve(cluster(), speed=100) as running:
        yield running


@pytest.fixture
def client(serving: Serving) -> Iterator[Nomad]:
    with Nomad(NomadOptions(address=serving.nomad_address), retries=NEVER) as nomad:
        yield nomad


def control(serving: Serving, what: str, body: Json) -> Any:
    answer = requests.put(f"{serving.nomad_address}/v1/simulator/{what}", json=body, timeout=5)
    answer.raise_for_status()
    return answer.json()


def arm(serving: Serving, *faults: Json) -> None:
    control(serving, "faults", {"faults": list(faults)})


def test_real_time_drives_the_virtual_clock(serving: Serving, client: Nomad) -> None:
    client.register(job(), enforce_index=0)
    begun = time.monotonic()
    index = 0
    while True:
        answer = client.get("job/web/deployments", index=index, wait_s=5)
        if answer.body and answer.body[0]["Status"] == "successful":
            break
        assert time.monotonic() - begun < 5, answer.body
        index = answer.index
    # 2.25 simulated seconds at a hundred times the speed.
    assert time.monotonic() - begun < 2


def test_the_clock_can_be_turned(serving: Serving, client: Nomad) -> None:
    client.register(job(), enforce_index=0)
    before = requests.get(f"{serving.nomad_address}/v1/simulator/clock", timeout=5).json()
    after = control(serving, "clock", {"advance": 3600})
    assert before["speed"] == 100
    assert after["now"] - before["now"] >= 3600 * SECOND
    latest = client.latest_deployment("web")
    assert latest is not None
    assert latest["Status"] == "successful"
    answer = requests.put(f"{serving.nomad_address}/v1/simulator/clock", json={"advance": "x"}, timeout=5)
    assert answer.status_code == 400


def test_scripted_errors_strike_so_often_and_no_more(serving: Serving, client: Nomad) -> None:
    arm(serving, {"kind": "api_errors", "requests": 2, "path": "/v1/jobs", "status": 502, "body": "bad gateway"})
    for _ in range(2):
        with pytest.raises(ApiError, match="bad gateway"):
            client.list_jobs()
    assert client.list_jobs() == []
    (fault,) = requests.get(f"{serving.nomad_address}/v1/simulator/faults", timeout=5).json()
    assert (fault["kind"], fault["struck"], fault["requests"]) == ("api_errors", 2, 2)


def test_a_retrying_client_gets_past_scripted_errors(serving: Serving) -> None:
    arm(serving, {"kind": "api_errors", "requests": 2, "path": "/v1/jobs"})
    quick = Retries(attempts=3, base_s=0.01)
    with Nomad(NomadOptions(address=serving.nomad_address), retries=quick) as nomad:
        assert nomad.list_jobs() == []


def test_a_dropped_connection_is_no_answer(serving: Serving, client: Nomad) -> None:
    arm(serving, {"kind": "dropped_connections", "requests": 1, "path": "/v1/jobs", "method": "GET"})
    with pytest.raises(Unreachable):
        client.list_jobs()
    assert client.list_jobs() == []


def test_a_connection_may_drop_after_the_work_is_done(serving: Serving, client: Nomad) -> None:
    """The registration arrived, its answer did not: the case that a check index is for."""
    fault = {"kind": "dropped_connections", "requests": 1, "path": "/v1/jobs", "method": "POST", "after_work": True}
    arm(serving, fault)
    with pytest.raises(Unreachable):
        client.register(job(), enforce_index=0)
    assert client.job("web")["Version"] == 0


def test_a_slow_answer_is_late(serving: Serving, client: Nomad) -> None:
    arm(serving, {"kind": "slow_answers", "requests": 1, "seconds": 0.3, "path": "/v1/jobs"})
    begun = time.monotonic()
    client.list_jobs()
    assert time.monotonic() - begun >= 0.3


def test_a_lost_leader_answers_nothing_but_its_absence(serving: Serving, client: Nomad) -> None:
    arm(serving, {"kind": "leader_lost", "seconds": 100_000})
    assert client.leader() == ""
    with pytest.raises(ApiError, match="No cluster leader"):
        client.list_jobs()
    control(serving, "clock", {"advance": 100_001})
    assert client.leader() != ""
    assert client.list_jobs() == []


def test_faults_of_consul_have_a_prefix_of_their_own(serving: Serving) -> None:
    arm(serving, {"kind": "api_errors", "requests": 1, "path": "/consul/v1/kv/"})
    url = f"{serving.consul_address}/v1/kv/x"
    assert requests.put(url, data=b"1", timeout=5).status_code == 500
    assert requests.put(url, data=b"1", timeout=5).json() is True


def test_faults_can_be_disarmed(serving: Serving, client: Nomad) -> None:
    arm(serving, {"kind": "api_errors", "requests": 9})
    requests.delete(f"{serving.nomad_address}/v1/simulator/faults", timeout=5).raise_for_status()
    assert client.list_jobs() == []


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"kind": "earthquake"}, "unknown kind of fault: 'earthquake'"),
        ({"kind": "task_fails", "jobs": "x"}, "unknown key of a task_fails fault: jobs"),
        ({"kind": "slow_start"}, "a slow_start fault lacks a value"),
        ({"kind": "node_lost", "node": "n9"}, "no node 'n9'"),
    ],
)
def test_a_wrong_fault_is_refused(serving: Serving, fault: Json, text: str) -> None:
    answer = requests.put(f"{serving.nomad_address}/v1/simulator/faults", json={"faults": [fault]}, timeout=5)
    assert answer.status_code in (400, 404)
    assert text in answer.text


def test_nodes_can_be_added(serving: Serving, client: Nomad) -> None:
    client.register(pinned(job(), "co7"), enforce_index=0)
    control(serving, "nodes", {"nodes": [{"name": "n7", "meta": {"pryv_core": "co7"}, "cpu": 4000}]})
    begun = time.monotonic()
    answer = client.get("job/web/allocations", index=0)
    while not any(item["ClientStatus"] == "running" for item in answer.body):
        assert time.monotonic() - begun < 5
        answer = client.get("job/web/allocations", index=max(answer.index, 1), wait_s=5)
    assert answer.body[0]["NodeName"] == "n7"
    listed = requests.get(f"{serving.nomad_address}/v1/simulator/nodes", timeout=5).json()
    assert [node["name"] for node in listed] == ["n0", "n1", "n2", "n7"]


def test_one_connection_serves_many_requests(serving: Serving) -> None:
    with requests.Session() as session:
        for _ in range(20):
            answer = session.get(f"{serving.nomad_address}/v1/jobs", timeout=5)
            assert answer.headers["X-Nomad-Index"]
    assert answer.headers["X-Nomad-KnownLeader"] == "true"


def test_what_is_not_json_is_refused(serving: Serving) -> None:
    for body in (b"{", b"[]", b"null"):
        answer = requests.put(f"{serving.nomad_address}/v1/jobs", data=body, timeout=5)
        assert answer.status_code == 400
    assert requests.get(f"{serving.nomad_address}/v1/nothing", timeout=5).status_code == 404
    assert requests.get(f"{serving.consul_address}/v1/nothing", timeout=5).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"TaskGroups": "x"},
        {"TaskGroups": [{"Name": "api", "Count": "two", "Tasks": [{"Name": "t", "Driver": "docker"}]}]},
        {"TaskGroups": [{"Name": "api", "Tasks": ["t"]}]},
        {"Constraints": [3]},
        {"Meta": 3, "Datacenters": 7},
    ],
)
def test_a_job_of_the_wrong_shape_is_refused(serving: Serving, client: Nomad, wrong: Json) -> None:
    with pytest.raises(ApiError) as caught:
        client.register({**job(), **wrong}, enforce_index=0)
    assert caught.value.status == 400
    assert client.list_jobs() == []


def test_streams_and_waiting_queries_end_with_the_server_and_no_thread_is_left() -> None:
    before = threading.active_count()
    with serve(cluster(), speed=100) as running:
        answer = requests.get(f"{running.nomad_address}/v1/event/stream", params={"index": 1}, stream=True, timeout=5)
        assert json.loads(next(answer.iter_lines())) == {}
        host, port = running.nomad_address.removeprefix("http://").split(":")
        waiting = socket.create_connection((host, int(port)), timeout=5)
        waiting.sendall(b"GET /v1/jobs?index=10000&wait=60s HTTP/1.1\r\nHost: x\r\n\r\n")
    with waiting:
        # An answer or none, but the end of the connection, and soon.
        while waiting.recv(65536):
            pass
    answer.close()
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_a_reader_that_is_late_gets_what_is_left_of_the_events() -> None:
    simulator = Simulator(capture=True)
    for number in range(120):
        register(simulator, job("web", Count=0, Tasks=[task(image=f"core:{number}")]))
    events = simulator.state.events
    assert len(events.after(0)) == 100
    assert events.oldest_index() > 100
    assert events.last_index() == simulator.state.index
