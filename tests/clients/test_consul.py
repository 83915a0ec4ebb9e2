"""Each method sends what Consul's API documents; indexes are integers and values bytes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pryv_nomad.clients.consul import Consul, kv_operation
from pryv_nomad.clients.options import ConsulOptions
from pryv_nomad.clients.retries import NEVER
from pryv_nomad.errors import ApiError, Conflict, NotFound, Unauthorized, Unreachable

from .conftest import TOKEN, Reply, Request, ScriptedServer, VirtualTime

INDEX = {"X-Consul-Index": "40"}


@pytest.fixture
def consul(server: ScriptedServer, virtual: VirtualTime) -> Iterator[Consul]:
    with Consul(ConsulOptions(address=server.url, token=TOKEN), timing=virtual.timing) as client:
        yield client


def line(request: Request) -> str:
    return f"{request.method} {request.target}"


def entry(key: str, value: bytes | None, index: int) -> dict[str, Any]:
    encoded = None if value is None else base64.b64encode(value).decode()
    return {"Key": key, "Value": encoded, "ModifyIndex": index, "CreateIndex": 1, "Flags": 0, "LockIndex": 0}


def test_a_key_is_its_bytes_and_its_index(server: ScriptedServer, consul: Consul) -> None:
    server.script(Reply(200, [entry("a/b c", b"\x00\xffhello", 12)], headers=INDEX))
    assert consul.kv_get("a/b c") == (b"\x00\xffhello", 12)
    assert line(server.requests[0]) == "GET /v1/kv/a/b%20c"


def test_an_empty_value_is_empty_bytes_and_a_missing_key_none(server: ScriptedServer, consul: Consul) -> None:
    server.script(Reply(200, [entry("a", None, 3)], headers=INDEX), Reply(404, "", headers=INDEX))
    assert consul.kv_get("a") == (b"", 3)
    assert consul.kv_get("a") is None


def test_a_prefix_is_read_in_one_request(server: ScriptedServer, consul: Consul) -> None:
    server.script(Reply(200, [entry("p/a", b"1", 3), entry("p/b", None, 4)], headers=INDEX))
    assert consul.kv_list("p/") == [("p/a", b"1", 3), ("p/b", b"", 4)]
    assert [line(request) for request in server.requests] == ["GET /v1/kv/p/?recurse=1"]
    server.script(Reply(404, "", headers=INDEX))
    assert consul.kv_list("q/") == []


def test_a_write_carries_its_bytes_and_its_check_index(server: ScriptedServer, consul: Consul) -> None:
    server.script(Reply(200, True))
    assert consul.kv_put("a b", b"\x00\xff")
    assert consul.kv_put("a", b"x", cas=0)
    assert consul.kv_put("a", b"x", cas=7)
    assert consul.kv_delete("a")
    assert consul.kv_delete("a", cas=7)
    assert [line(request) for request in server.requests] == [
        "PUT /v1/kv/a%20b",
        "PUT /v1/kv/a?cas=0",
        "PUT /v1/kv/a?cas=7",
        "DELETE /v1/kv/a",
        "DELETE /v1/kv/a?cas=7",
    ]
    assert server.requests[0].body == b"\x00\xff"


def test_a_check_index_that_does_not_match_is_a_conflict(server: ScriptedServer, consul: Consul) -> None:
    server.script(Reply(200, False))
    with pytest.raises(Conflict, match="write a/b: its index does not match"):
        consul.kv_put("a/b", b"x", cas=7)
    with pytest.raises(Conflict):
        consul.kv_delete("a/b", cas=7)
    assert len(server.requests) == 2


FAULT = Reply(500, "rpc error: EOF", kind="text/plain")


def test_a_guarded_write_that_arrived_unanswered_counts_as_done(server: ScriptedServer, consul: Consul) -> None:
    server.script(FAULT, Reply(200, False), Reply(200, [entry("a", b"x", 8)], headers=INDEX))
    assert consul.kv_put("a", b"x", cas=7)
    server.script(FAULT, Reply(200, False), Reply(200, [entry("a", b"of another", 8)], headers=INDEX))
    with pytest.raises(Conflict):
        consul.kv_put("a", b"x", cas=7)
    server.script(FAULT, Reply(200, False), Reply(404, "", headers=INDEX))
    assert consul.kv_delete("a", cas=7)


def test_a_write_without_check_index_is_sent_once(server: ScriptedServer, consul: Consul) -> None:
    server.script(FAULT)
    writes: list[Callable[[], Any]] = [
        lambda: consul.kv_put("a", b"x"),
        lambda: consul.kv_delete("a"),
        lambda: consul.catalog_register({"Node": "n", "Address": "10.0.0.1"}),
        lambda: consul.catalog_deregister({"Node": "n"}),
        lambda: consul.session_create("rollout"),
        lambda: consul.txn([kv_operation("set", "a", b"x")]),
    ]
    for write in writes:
        with pytest.raises(ApiError, match="rpc error"):
            write()
    assert len(server.requests) == len(writes)


def test_what_changes_nothing_more_is_sent_again(server: ScriptedServer, consul: Consul) -> None:
    fenced = [kv_operation("check-session", "lock", session="s"), kv_operation("set", "a", b"x")]
    calls: list[tuple[Callable[[], Any], Reply]] = [
        (lambda: consul.session_renew("s"), Reply(200, [{"ID": "s"}])),
        (lambda: consul.session_destroy("s"), Reply(200, True)),
        (lambda: consul.acquire("lock", b"", "s"), Reply(200, True)),
        (lambda: consul.release("lock", b"", "s"), Reply(200, True)),
        (lambda: consul.txn(fenced), Reply(200, {"Results": None})),
        (lambda: consul.txn([kv_operation("cas", "a", b"x", index=7)]), Reply(200, {"Results": []})),
    ]
    for call, reply in calls:
        server.requests.clear()
        server.script(FAULT, reply)
        call()
        assert len(server.requests) == 2


def test_a_transaction_carries_its_operations(server: ScriptedServer, consul: Consul) -> None:
    results = [{"KV": entry("a", None, 9)}]
    server.script(Reply(200, {"Results": results, "Errors": None}))
    operations = [
        kv_operation("check-session", "lock", session="s"),
        kv_operation("cas", "a", b"\x00x", index=7),
        kv_operation("delete", "b"),
    ]
    assert consul.txn(operations) == results
    (request,) = server.requests
    assert line(request) == "PUT /v1/txn"
    assert request.json == [
        {"KV": {"Verb": "check-session", "Key": "lock", "Session": "s"}},
        {"KV": {"Verb": "cas", "Key": "a", "Value": "AHg=", "Index": 7}},
        {"KV": {"Verb": "delete", "Key": "b"}},
    ]


def test_a_transaction_whose_check_fails_is_a_conflict_that_says_which(server: ScriptedServer, consul: Consul) -> None:
    errors = [{"OpIndex": 0, "What": 'failed to check session for key "lock", not owned'}]
    server.script(Reply(409, json.dumps({"Results": None, "Errors": errors}, separators=(",", ":"))))
    with pytest.raises(Conflict, match="failed to check session"):
        consul.txn([kv_operation("check-session", "lock", session="s")])
    assert len(server.requests) == 1


def test_a_transaction_of_too_many_operations_is_not_sent(server: ScriptedServer, consul: Consul) -> None:
    with pytest.raises(ValueError, match="128"):
        consul.txn([kv_operation("get", "a")] * 129)
    assert server.requests == []


def test_the_catalog_is_written_as_given(server: ScriptedServer, consul: Consul) -> None:
    server.script(Reply(200, True))
    payload = {"Node": "co1", "Address": "10.0.0.1", "Service": {"Service": "pryv-core", "Tags": ["co1"]}}
    consul.catalog_register(payload)
    consul.catalog_deregister({"Node": "co1"})
    assert [line(request) for request in server.requests] == [
        "PUT /v1/catalog/register",
        "PUT /v1/catalog/deregister",
    ]
    assert [request.json for request in server.requests] == [payload, {"Node": "co1"}]


def test_the_catalog_is_read_as_it_is(server: ScriptedServer, consul: Consul) -> None:
    server.script(Reply(200, [{"Node": "co1"}], headers=INDEX))
    assert consul.catalog_service("pryv-core") == [{"Node": "co1"}]
    assert consul.catalog_nodes() == [{"Node": "co1"}]
    assert consul.health_service("pryv-core") == [{"Node": "co1"}]
    assert consul.health_service("pryv-core", passing=True) == [{"Node": "co1"}]
    assert [line(request) for request in server.requests] == [
        "GET /v1/catalog/service/pryv-core",
        "GET /v1/catalog/nodes",
        "GET /v1/health/service/pryv-core",
        "GET /v1/health/service/pryv-core?passing=1",
    ]


def test_sessions_are_made_renewed_seen_and_ended(server: ScriptedServer, consul: Consul) -> None:
    server.script(Reply(200, {"ID": "s1"}))
    assert consul.session_create("rollout", ttl_s=20, lock_delay_s=5, behavior="delete") == "s1"
    assert server.requests[-1].json == {"name": "rollout", "ttl": "20s", "lockdelay": "5s", "behavior": "delete"}
    server.script(Reply(200, [{"ID": "s1", "TTL": "20s"}], headers=INDEX))
    assert consul.session_renew("s1")["TTL"] == "20s"
    assert consul.session_info("s1") == {"ID": "s1", "TTL": "20s"}
    server.script(Reply(200, True))
    consul.session_destroy("s1")
    assert [line(request) for request in server.requests] == [
        "PUT /v1/session/create",
        "PUT /v1/session/renew/s1",
        "GET /v1/session/info/s1",
        "PUT /v1/session/destroy/s1",
    ]


def test_a_session_that_expired_is_none_or_not_found(server: ScriptedServer, consul: Consul) -> None:
    server.script(Reply(200, [], headers=INDEX))
    assert consul.session_info("s1") is None
    server.script(Reply(404, "Session id 's1' not found"))
    with pytest.raises(NotFound, match="s1"):
        consul.session_renew("s1")


def test_a_lock_is_held_or_not(server: ScriptedServer, consul: Consul) -> None:
    server.script(Reply(200, True), Reply(200, False), Reply(200, True), Reply(200, False))
    assert consul.acquire("lock", b"who", "s1") is True
    assert consul.acquire("lock", b"who", "s1") is False
    assert consul.release("lock", b"who", "s1") is True
    assert consul.release("lock", b"who", "s1") is False
    assert line(server.requests[0]) == "PUT /v1/kv/lock?acquire=s1"
    assert line(server.requests[2]) == "PUT /v1/kv/lock?release=s1"
    assert server.requests[0].body == b"who"


def test_the_leader_and_the_agent(server: ScriptedServer, consul: Consul) -> None:
    server.script(Reply(200, '"127.0.0.1:8300"'), Reply(200, '""'), Reply(200, {"Config": {"Datacenter": "dc1"}}))
    assert [consul.leader(), consul.leader()] == ["127.0.0.1:8300", ""]
    assert consul.agent_self()["Config"]["Datacenter"] == "dc1"


def test_a_blocking_query_gives_the_next_index(server: ScriptedServer, consul: Consul) -> None:
    server.script(
        Reply(200, [1], headers={"X-Consul-Index": "41"}),
        Reply(404, "", headers={"X-Consul-Index": "3"}),
    )
    first = consul.get("/v1/kv/a b", {"recurse": "1"}, index=40, wait_s=1.5)
    assert (first.body, first.index) == ([1], 41)
    assert server.requests[0].path == "/v1/kv/a%20b"
    assert server.requests[0].query == {"recurse": ["1"], "index": ["40"], "wait": ["1500ms"]}
    second = consul.get("/v1/kv/a b", index=first.index)
    assert (second.body, second.index) == (None, 0)


def test_a_blocking_query_outlasts_the_usual_time_limit(server: ScriptedServer) -> None:
    server.script(Reply(silent=True))
    consul = Consul(ConsulOptions(address=server.url), timeout_s=0.05, retries=NEVER)
    with pytest.raises(Unreachable, match=r"within 0\.156"):
        consul.get("/v1/kv/a", index=1, wait_s=0.1)


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.kv_get("a"),
        lambda c: c.kv_put("a", b"", cas=1),
        lambda c: c.leader(),
        lambda c: c.get("/v1/kv/a"),
        lambda c: c.txn([]),
        lambda c: c.session_create("x"),
        lambda c: c.catalog_nodes(),
    ],
)
def test_what_is_not_consul_is_unreachable(
    server: ScriptedServer, consul: Consul, call: Callable[[Consul], Any]
) -> None:
    server.script(Reply(200, "hello", kind="text/plain"))
    with pytest.raises(Unreachable, match="not Consul"):
        call(consul)
    server.script(Reply(200, "<html>", kind="text/html"))
    with pytest.raises(Unreachable, match="not Consul"):
        call(consul)


def test_the_token_of_the_options_is_sent_and_no_other(
    server: ScriptedServer, virtual: VirtualTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "of-the-process")
    monkeypatch.setenv("CONSUL_HTTP_ADDR", "http://127.0.0.1:9")
    monkeypatch.setenv("CONSUL_HTTP_SSL", "true")
    server.script(Reply(200, []))
    for token, sent in ((TOKEN, TOKEN), ("", None)):
        with Consul(ConsulOptions(address=server.url, token=token), timing=virtual.timing) as consul:
            consul.catalog_register({"Node": "n"})
            consul.library.agent.services()
        assert [request.headers.get("X-Consul-Token") for request in server.requests[-2:]] == [sent, sent]
    assert all(TOKEN.encode() not in request.body for request in server.requests)


def test_a_refused_token_names_its_variable(server: ScriptedServer, consul: Consul) -> None:
    server.script(Reply(403, "Permission denied: token lacks permission 'key:write'"))
    with pytest.raises(Unauthorized, match="key:write") as caught:
        consul.kv_put("a", b"x", cas=0)
    assert "CONSUL_HTTP_TOKEN" in caught.value.remedy
    assert len(server.requests) == 1


def test_a_prefix_in_the_address_is_kept(server: ScriptedServer) -> None:
    server.script(Reply(200, '"x"'))
    with Consul(ConsulOptions(address=f"{server.url}/consul")) as consul:
        consul.leader()
    assert server.requests[0].path == "/consul/v1/status/leader"
