"""The client against a real Consul, where there is one (on PATH, or built into tools/bin)."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pryv_nomad.clients.consul import Consul, kv_operation
from pryv_nomad.clients.options import ConsulOptions
from pryv_nomad.clients.retries import NEVER
from pryv_nomad.errors import Conflict, NotFound, PryvNomadError
from tests.ports import free_ports

BUILT = Path(__file__).parents[2] / "tools" / "bin" / "consul"
CONSUL = shutil.which("consul") or (str(BUILT) if BUILT.is_file() else None)

pytestmark = pytest.mark.skipif(CONSUL is None, reason="no consul binary on PATH or in tools/bin")


@pytest.fixture(scope="module")
def consul() -> Iterator[Consul]:
    http, server, lan = free_ports(3)
    command = [str(CONSUL), "agent", "-dev", "-bind=127.0.0.1", f"-http-port={http}", f"-server-port={server}"]
    command += [f"-serf-lan-port={lan}", "-serf-wan-port=-1", "-dns-port=-1", "-grpc-port=-1", "-grpc-tls-port=-1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    options = ConsulOptions(address=f"http://127.0.0.1:{http}")
    try:
        wait_for_leader(process, options)
        with Consul(options) as client:
            yield client
    finally:
        process.terminate()
        process.wait(30)


def wait_for_leader(process: subprocess.Popen[bytes], options: ConsulOptions) -> None:
    pause = threading.Event()
    with Consul(options, retries=NEVER, timeout_s=2) as client:
        for _ in range(300):
            assert process.poll() is None, "consul ended by itself"
            try:
                if client.leader() and client.catalog_nodes():
                    return
            except PryvNomadError as error:
                last = error
            else:
                last = PryvNomadError("no leader")
            pause.wait(0.1)
    raise last


def test_keys_are_written_read_listed_and_deleted(consul: Consul) -> None:
    assert consul.kv_get("first/a b/é") is None
    consul.kv_put("first/a b/é", b"\x00\xff{{ }}", cas=0)
    found = consul.kv_get("first/a b/é")
    assert found is not None
    value, index = found
    assert value == b"\x00\xff{{ }}"
    consul.kv_put("first/empty", b"")
    assert consul.kv_list("first/") == [("first/a b/é", value, index), ("first/empty", b"", index + 1)]
    with pytest.raises(Conflict):
        consul.kv_put("first/a b/é", b"late", cas=index - 1)
    with pytest.raises(Conflict):
        consul.kv_put("first/a b/é", b"not new", cas=0)
    with pytest.raises(Conflict):
        consul.kv_delete("first/a b/é", cas=index - 1)
    consul.kv_delete("first/a b/é", cas=index)
    assert [key for key, _, _ in consul.kv_list("first/")] == ["first/empty"]


def test_a_transaction_is_fenced_by_the_session_that_holds_the_lock(consul: Consul) -> None:
    mine, other = consul.session_create("mine", ttl_s=10), consul.session_create("other", lock_delay_s=0)
    assert consul.acquire("second/lock", b"mine", mine)
    assert not consul.acquire("second/lock", b"other", other)
    write = kv_operation("set", "second/state", b"written")
    consul.txn([kv_operation("check-session", "second/lock", session=mine), write])
    with pytest.raises(Conflict, match="session"):
        consul.txn([kv_operation("check-session", "second/lock", session=other), write])
    assert consul.kv_get("second/state") is not None
    assert not consul.release("second/lock", b"", other)
    assert consul.release("second/lock", b"", mine)
    assert consul.session_renew(mine)["ID"] == mine
    consul.session_destroy(mine)
    assert consul.session_info(mine) is None
    with pytest.raises(NotFound):
        consul.session_renew(mine)
    with pytest.raises(NotFound, match="invalid session"):
        consul.acquire("second/lock", b"", mine)


def test_a_service_is_registered_found_and_taken_out(consul: Consul) -> None:
    payload = {
        "Node": "co1",
        "Address": "10.0.0.1",
        "NodeMeta": {"external-node": "true"},
        "Service": {"ID": "pryv-core-co1", "Service": "pryv-core", "Tags": ["co1"]},
        "Check": {"Name": "membership", "CheckID": "member", "ServiceID": "pryv-core-co1", "Status": "critical"},
    }
    consul.catalog_register(payload)
    (instance,) = consul.catalog_service("pryv-core")
    assert (instance["Node"], instance["Address"], instance["ServiceTags"]) == ("co1", "10.0.0.1", ["co1"])
    assert "co1" in [node["Node"] for node in consul.catalog_nodes()]
    assert len(consul.health_service("pryv-core")) == 1
    assert consul.health_service("pryv-core", passing=True) == []
    consul.catalog_deregister({"Node": "co1"})
    assert consul.catalog_service("pryv-core") == []
    assert consul.catalog_service("no-such-service") == []


def test_a_blocking_query_returns_with_the_change(consul: Consul) -> None:
    consul.kv_put("third/a", b"1")
    before = consul.get("/v1/kv/third/", {"recurse": "1"}, index=0)
    writer = threading.Timer(0.05, consul.kv_put, ("third/b", b"2"))
    writer.start()
    after = consul.get("/v1/kv/third/", {"recurse": "1"}, index=before.index, wait_s=20)
    writer.join()
    assert after.index > before.index
    assert [item["Key"] for item in after.body] == ["third/a", "third/b"]
    unchanged = consul.get("/v1/kv/third/", {"recurse": "1"}, index=after.index, wait_s=0.05)
    assert unchanged == after


def test_the_agent_names_itself(consul: Consul) -> None:
    assert consul.leader().startswith("127.0.0.1:")
    assert consul.agent_self()["Config"]["Datacenter"] == "dc1"
