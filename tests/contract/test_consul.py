"""Consul's KV, transactions, sessions and catalog: the real one and the simulator's."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pryv_nomad.clients.consul import Consul, kv_operation
from pryv_nomad.errors import ApiError, Conflict, NotFound

Json = dict[str, Any]

_numbers = itertools.count(1)


@pytest.fixture
def prefix(consul: Consul) -> Iterator[str]:
    """A folder of keys that no other test uses."""
    folder = f"contract/{next(_numbers)}/"
    yield folder
    for key, _, _ in consul.kv_list(folder):
        consul.kv_delete(key)


@pytest.fixture
def session(consul: Consul) -> Iterator[str]:
    session_id = consul.session_create("contract", ttl_s=30, lock_delay_s=1)
    yield session_id
    consul.session_destroy(session_id)


# -- keys


def test_a_key_keeps_its_bytes(consul: Consul, prefix: str) -> None:
    value = 'ü "x" {{ y }}\n'.encode() + bytes(range(256))
    assert consul.kv_get(prefix + "a") is None
    assert consul.kv_put(prefix + "a", value)
    found = consul.kv_get(prefix + "a")
    assert found is not None
    assert found[0] == value
    consul.kv_put(prefix + "empty", b"")
    assert consul.kv_get(prefix + "empty") == (b"", consul.kv_list(prefix + "empty")[0][2])


def test_check_and_set(consul: Consul, prefix: str) -> None:
    key = prefix + "a"
    assert consul.kv_put(key, b"1", cas=0)
    with pytest.raises(Conflict):
        consul.kv_put(key, b"2", cas=0)
    _, index = consul.kv_get(key) or (b"", 0)
    with pytest.raises(Conflict):
        consul.kv_put(key, b"2", cas=index + 1)
    assert consul.kv_put(key, b"2", cas=index)
    value, later = consul.kv_get(key) or (b"", 0)
    assert value == b"2"
    assert later > index
    with pytest.raises(Conflict):
        consul.kv_delete(key, cas=index)
    assert consul.kv_delete(key, cas=later)
    assert consul.kv_get(key) is None
    assert consul.kv_delete(key)


def test_writing_the_same_again_changes_no_index(consul: Consul, prefix: str) -> None:
    consul.kv_put(prefix + "a", b"1")
    first = consul.kv_get(prefix + "a")
    consul.kv_put(prefix + "a", b"1")
    assert consul.kv_get(prefix + "a") == first


def test_a_prefix_lists_its_keys_in_order(consul: Consul, prefix: str) -> None:
    for name in ("b", "a/2", "a/1", "c"):
        consul.kv_put(prefix + name, name.encode())
    assert [key.removeprefix(prefix) for key, _, _ in consul.kv_list(prefix)] == ["a/1", "a/2", "b", "c"]
    assert [value for _, value, _ in consul.kv_list(prefix + "a/")] == [b"a/1", b"a/2"]
    assert consul.kv_list(prefix + "nothing") == []


def test_a_blocking_query_wakes_at_a_change_under_the_prefix(consul: Consul, prefix: str) -> None:
    consul.kv_put(prefix + "a", b"1")
    path, recurse = f"/v1/kv/{prefix}", {"recurse": "true"}
    first = consul.get(path, recurse, index=0)
    begun = time.monotonic()
    same = consul.get(path, recurse, index=first.index, wait_s=0.3)
    assert same.index == first.index
    assert time.monotonic() - begun >= 0.25
    timer = threading.Timer(0.2, lambda: consul.kv_delete(prefix + "a"))
    timer.start()
    begun = time.monotonic()
    newer = consul.get(path, recurse, index=first.index, wait_s=10)
    timer.join()
    assert time.monotonic() - begun < 8
    assert newer.index > first.index
    assert newer.body is None


# -- transactions


def test_a_transaction_does_all_or_nothing(consul: Consul, prefix: str) -> None:
    results = consul.txn([kv_operation("set", prefix + "a", b"1"), kv_operation("cas", prefix + "b", b"2", index=0)])
    assert [result["KV"]["Key"] for result in results] == [prefix + "a", prefix + "b"]
    index = results[1]["KV"]["ModifyIndex"]
    with pytest.raises(Conflict, match="index is stale"):
        consul.txn([kv_operation("set", prefix + "a", b"9"), kv_operation("cas", prefix + "b", b"9", index=index + 1)])
    assert [value for _, value, _ in consul.kv_list(prefix)] == [b"1", b"2"]
    consul.txn([kv_operation("cas", prefix + "b", b"3", index=index), kv_operation("delete", prefix + "a")])
    assert [(key, value) for key, value, _ in consul.kv_list(prefix)] == [(prefix + "b", b"3")]


def test_the_checks_of_a_transaction(consul: Consul, prefix: str, session: str) -> None:
    consul.acquire(prefix + "lock", b"me", session)
    _, index = consul.kv_get(prefix + "lock") or (b"", 0)
    consul.txn(
        [
            kv_operation("check-session", prefix + "lock", session=session),
            kv_operation("check-index", prefix + "lock", index=index),
            kv_operation("check-not-exists", prefix + "none"),
            kv_operation("set", prefix + "fenced", b"1"),
        ]
    )
    other = "00000000-0000-4000-8000-000000000000"
    for check, text in (
        (kv_operation("check-session", prefix + "lock", session=other), "failed session check"),
        (kv_operation("check-session", prefix + "none", session=session), "doesn't exist"),
        (kv_operation("check-index", prefix + "lock", index=index + 1), "failed index check"),
        (kv_operation("check-not-exists", prefix + "lock"), "exists"),
        (kv_operation("get", prefix + "none"), "doesn't exist"),
        (kv_operation("delete-cas", prefix + "fenced", index=1), "index is stale"),
    ):
        with pytest.raises(Conflict, match=text):
            consul.txn([check, kv_operation("set", prefix + "fenced", b"2")])
    assert (consul.kv_get(prefix + "fenced") or (b"", 0))[0] == b"1"


def test_a_transaction_reads_too(consul: Consul, prefix: str) -> None:
    for name in ("a", "b"):
        consul.kv_put(prefix + name, name.encode())
    (one,) = consul.txn([kv_operation("get", prefix + "a")])
    assert one["KV"]["Value"] == "YQ=="
    tree = consul.txn([kv_operation("get-tree", prefix)])
    assert [result["KV"]["Key"] for result in tree] == [prefix + "a", prefix + "b"]
    written = consul.txn([kv_operation("set", prefix + "a", b"2")])
    assert written[0]["KV"]["Value"] is None


# -- sessions


def test_a_lock_belongs_to_one_session(consul: Consul, prefix: str, session: str) -> None:
    other = consul.session_create("rival", ttl_s=30, lock_delay_s=1)
    key = prefix + "lock"
    assert consul.acquire(key, b"first", session)
    assert not consul.acquire(key, b"second", other)
    assert consul.acquire(key, b"first again", session)
    entry = consul.get(f"/v1/kv/{key}").body[0]
    assert (entry["Session"], entry["LockIndex"]) == (session, 1)
    assert not consul.release(key, b"", other)
    assert consul.release(key, b"", session)
    # A lock that was given back is free at once.
    assert consul.acquire(key, b"second", other)
    consul.session_destroy(other)


def test_a_session_that_ends_opens_its_lock_after_a_delay(consul: Consul, prefix: str, session: str) -> None:
    key = prefix + "lock"
    ending = consul.session_create("ending", ttl_s=30, lock_delay_s=2)
    assert consul.acquire(key, b"x", ending)
    consul.session_destroy(ending)
    entry = consul.get(f"/v1/kv/{key}").body[0]
    assert "Session" not in entry
    assert not consul.acquire(key, b"y", session)


def test_a_deleting_session_takes_its_keys_along(consul: Consul, prefix: str) -> None:
    ending = consul.session_create("deleting", ttl_s=30, lock_delay_s=0, behavior="delete")
    assert consul.acquire(prefix + "lock", b"x", ending)
    consul.session_destroy(ending)
    assert consul.kv_get(prefix + "lock") is None


def test_a_session_is_known_until_it_ends(consul: Consul, session: str) -> None:
    info = consul.session_info(session)
    assert info is not None
    assert (info["Name"], info["Behavior"], info["TTL"]) == ("contract", "release", "30s")
    assert info["LockDelay"] == 1_000_000_000
    assert consul.session_renew(session)["ID"] == session
    consul.session_destroy(session)
    assert consul.session_info(session) is None
    with pytest.raises(NotFound):
        consul.session_renew(session)


def test_a_lock_for_an_unknown_session_is_refused(consul: Consul, prefix: str) -> None:
    with pytest.raises(ApiError, match="invalid session"):
        consul.acquire(prefix + "lock", b"x", "00000000-0000-4000-8000-000000000000")


# -- the catalog


@pytest.fixture
def core(consul: Consul) -> Iterator[Json]:
    """A core on a catalog node of its own, as `run` registers it."""
    number = next(_numbers)
    registration = {
        "Node": f"pryv-co{number}",
        "Address": "198.51.100.7",
        "NodeMeta": {"external-node": "true", "external-probe": "false"},
        "Service": {
            "ID": f"core-{number}",
            "Service": f"pryv-core-{number}",
            "Tags": ["ch"],
            "Meta": {"hosting": "ch"},
            "Port": 443,
        },
        "Check": {
            "CheckID": f"core-{number}",
            "Name": "core",
            "Status": "passing",
            "ServiceID": f"core-{number}",
        },
    }
    consul.catalog_register(registration)
    yield registration
    consul.catalog_deregister({"Node": registration["Node"]})


def test_a_registered_core_is_in_the_catalog(consul: Consul, core: Json) -> None:
    name = core["Service"]["Service"]
    (instance,) = consul.catalog_service(name)
    assert {key: instance[key] for key in ("Node", "Address", "ServiceID", "ServiceName", "ServicePort")} == {
        "Node": core["Node"],
        "Address": "198.51.100.7",
        "ServiceID": core["Service"]["ID"],
        "ServiceName": name,
        "ServicePort": 443,
    }
    assert instance["ServiceTags"] == ["ch"]
    assert instance["ServiceMeta"] == {"hosting": "ch"}
    assert instance["NodeMeta"] == core["NodeMeta"]
    (node,) = [node for node in consul.catalog_nodes() if node["Node"] == core["Node"]]
    assert node["Meta"] == core["NodeMeta"]
    assert consul.get("/v1/catalog/services").body[name] == ["ch"]
    assert consul.get(f"/v1/catalog/service/{name}", {"tag": "other"}).body == []
    assert consul.catalog_service("never-registered") == []


def test_health_shows_node_service_and_checks(consul: Consul, core: Json) -> None:
    name = core["Service"]["Service"]
    (entry,) = consul.health_service(name, passing=True)
    assert entry["Node"]["Node"] == core["Node"]
    assert entry["Service"]["Service"] == name
    assert [(check["Name"], check["Status"]) for check in entry["Checks"]] == [("core", "passing")]
    core["Check"]["Status"] = "critical"
    consul.catalog_register(core)
    assert consul.health_service(name, passing=True) == []
    (entry,) = consul.health_service(name)
    assert entry["Checks"][0]["Status"] == "critical"


def test_registering_the_same_again_changes_no_index(consul: Consul, core: Json) -> None:
    path = f"/v1/catalog/service/{core['Service']['Service']}"
    first = consul.get(path)
    consul.catalog_register(core)
    second = consul.get(path)
    assert second.body == first.body


def test_a_change_of_the_catalog_wakes_who_waits(consul: Consul, core: Json) -> None:
    path = f"/v1/health/service/{core['Service']['Service']}"
    first = consul.get(path, index=0)
    core["Check"]["Status"] = "warning"
    timer = threading.Timer(0.2, lambda: consul.catalog_register(core))
    timer.start()
    begun = time.monotonic()
    newer = consul.get(path, index=first.index, wait_s=10)
    timer.join()
    assert time.monotonic() - begun < 8
    assert newer.index > first.index
    assert newer.body[0]["Checks"][0]["Status"] == "warning"


def test_what_is_deregistered_is_gone(consul: Consul, core: Json) -> None:
    name = core["Service"]["Service"]
    consul.catalog_deregister({"Node": core["Node"], "ServiceID": core["Service"]["ID"]})
    assert consul.catalog_service(name) == []
    assert core["Node"] in {node["Node"] for node in consul.catalog_nodes()}
    consul.catalog_deregister({"Node": core["Node"]})
    assert core["Node"] not in {node["Node"] for node in consul.catalog_nodes()}
    consul.catalog_deregister({"Node": core["Node"]})


def test_a_transaction_changes_the_catalog_with_the_keys_or_not_at_all(
    consul: Consul, prefix: str, core: Json, session: str
) -> None:
    assert consul.acquire(prefix + "lock", b"", session)
    held = kv_operation("check-session", prefix + "lock", session=session)
    other = kv_operation("check-session", prefix + "lock", session="00000000-0000-0000-0000-000000000000")
    node, service = core["Node"], core["Service"]
    check = {**core["Check"], "Node": node, "Status": "critical", "Output": "down"}
    moved = {"Node": {"Verb": "set", "Node": {"Node": node, "Address": "198.51.100.8", "Meta": core["NodeMeta"]}}}
    tagged = {"Service": {"Verb": "set", "Node": node, "Service": {**service, "Tags": ["us"]}}}
    checked = {"Check": {"Verb": "set", "Check": check}}
    with pytest.raises(Conflict):
        consul.txn([other, moved, tagged, checked])
    with pytest.raises(Conflict):
        consul.txn([held, moved, {"Service": {"Verb": "set", "Node": f"{node}-not", "Service": service}}])
    (entry,) = consul.health_service(service["Service"])
    assert (entry["Node"]["Address"], entry["Service"]["Tags"]) == ("198.51.100.7", ["ch"])
    before = consul.get(f"/v1/health/service/{service['Service']}").index
    results = consul.txn([held, moved, tagged, checked])
    assert [next(iter(each)) for each in results] == ["KV", "Node", "Service", "Check"]
    (entry,) = consul.health_service(service["Service"])
    assert (entry["Node"]["Address"], entry["Service"]["Tags"]) == ("198.51.100.8", ["us"])
    assert (entry["Checks"][0]["Status"], entry["Checks"][0]["Output"]) == ("critical", "down")
    after = consul.get(f"/v1/health/service/{service['Service']}").index
    assert after == max(value["ModifyIndex"] for each in results for value in each.values()) > before
    gone = {
        "Service": {"Verb": "delete", "Node": node, "Service": {"ID": service["ID"], "Service": service["Service"]}}
    }
    consul.txn([held, gone])
    consul.txn([held, gone, {"Node": {"Verb": "delete", "Node": {"Node": node}}}])
    consul.txn([held, {"Node": {"Verb": "delete", "Node": {"Node": node}}}])
    assert consul.catalog_service(service["Service"]) == []


def test_the_agent_and_its_leader(consul: Consul) -> None:
    assert ":" in consul.leader()
    agent = consul.agent_self()
    assert agent["Config"]["Datacenter"] == "dc1"
    assert agent["Config"]["Version"].startswith("1.")
