"""Whatever breaks, the registry's list never shrinks (design.md, invariant 3). Against a real Consul."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pryv_nomad.bridge.leadership import LOCK_DELAY_S, TTL_S, leader_key
from pryv_nomad.bridge.loop import Bridge, Settings
from pryv_nomad.bridge.membership import generation_key
from pryv_nomad.clients.consul import Consul
from pryv_nomad.clients.options import ConsulOptions
from pryv_nomad.clients.retries import NEVER
from pryv_nomad.errors import PryvNomadError
from tests.bridge.running import DOMAIN, catalog, empty, listed, running, want, wanting
from tests.bridge.small_nomad import SmallNomad, stubs
from tests.bridge.watcher import Registry
from tests.consul_server import ConsulServer, consul_binary, until
from tests.tcp_proxy import Link, TcpProxy

NAMES = [f"co{number}" for number in range(1, 101)]
FEW = NAMES[:6]


@pytest.fixture
def registry(real_consul, consul) -> Iterator[Registry]:
    seen = Registry(real_consul)
    yield seen
    until(lambda: seen.looks > 0, 10, "the registry sees a list")
    seen.close()
    assert seen.shrunk == set()


@pytest.fixture
def own_consul(real_consul, consul) -> ConsulServer:
    """The server, where it can be stopped and emptied."""
    if not isinstance(real_consul, ConsulServer):
        pytest.skip("needs the consul binary: a container's ports change when it is restarted")
    return real_consul


def free_the_lock(consul: Consul) -> None:
    """What Consul does by itself when the TTL of a dead bridge's session has passed."""
    found = consul.get(f"/v1/kv/{leader_key(DOMAIN)}").body
    if found and found[0].get("Session"):
        consul.session_destroy(found[0]["Session"])


def all_run(*cores: str, **more) -> list[dict]:
    return [stub for core in cores for stub in stubs(core, **more)]


# -- the bridge dies ---------------------------------------------------------------------------------------------


@contextmanager
def bridge_process(consul_address: str, nomad: SmallNomad, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A bridge as a process of its own."""
    command = [sys.executable, "-m", "pryv_nomad", "bridge", "--domain", DOMAIN, "--interval", "1", "--lock-delay", "0"]
    env = {"PATH": os.environ["PATH"], "CONSUL_HTTP_ADDR": consul_address, "NOMAD_ADDR": nomad.address}
    process = subprocess.Popen([*command, *more], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def test_kill_9_at_random_points_loses_no_core(consul, real_consul, nomad, registry) -> None:
    dice, wanted = random.Random(4), 10  # noqa: S311 - the same points each time
    for _ in range(5):
        wanted = min(len(NAMES), wanted + dice.randint(10, 30))
        want(consul, wanting(*NAMES[:wanted]))
        nomad.runs(*all_run(*NAMES[:wanted]), *all_run(NAMES[0], status=dice.choice(["pending", "running"]), age=2))
        with bridge_process(real_consul.address, nomad) as process:
            until(lambda: leads(consul), 20, "the bridge leads")
            threading.Event().wait(dice.random() * 0.5)
            process.send_signal(signal.SIGKILL)
        free_the_lock(consul)
    with running(consul, nomad.client()):
        until(lambda: listed(consul) == set(NAMES[:wanted]), 20, "all are listed")


def leads(consul: Consul) -> bool:
    found = consul.get(f"/v1/kv/{leader_key(DOMAIN)}").body
    return bool(found and found[0].get("Session"))


def test_sigterm_frees_the_lock_and_ends_with_0(consul, real_consul, nomad) -> None:
    with bridge_process(real_consul.address, nomad) as process:
        until(lambda: leads(consul), 20, "the bridge leads")
        process.terminate()
        said, _ = process.communicate(timeout=20)
        assert process.returncode == 0, said
    assert not leads(consul)
    assert b"Traceback" not in said
    assert said.strip().splitlines()[-1].startswith(b'{"time": ')


class Died(Exception):
    """The process would be gone here."""


class Mortal(Consul):
    """A client whose process dies at its `life`th transaction: before it is sent, or after it was carried out."""

    def __init__(self, options, life: int, after: bool) -> None:
        super().__init__(options, retries=NEVER, timeout_s=5.0)
        self.left, self.after = life, after

    def txn(self, operations):
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Died
        answer = super().txn(operations)
        if self.left == 0:
            raise Died
        return answer


@contextmanager
def leading(client: Consul, nomad: SmallNomad) -> Iterator[Bridge]:
    """A bridge that leads, and looks when the test says so."""
    bridge = Bridge(client, nomad.client(), Settings(DOMAIN, "one", lock_delay_s=0), lambda _: None)
    bridge.leadership.start()
    try:
        until(lambda: bridge.leadership.standing.leading, 10, "it leads")
        yield bridge
    finally:
        bridge.leadership.close()


@pytest.mark.parametrize("after", [False, True])
def test_it_may_die_before_and_after_every_single_write(after, consul, real_consul, nomad) -> None:
    """All cores are new; the next bridge ends where an undisturbed one would have."""
    nomad.runs(*all_run(*NAMES))
    deaths = 0
    for life in range(1, 20):
        empty(consul)
        nomad.variables.clear()
        want(consul, wanting(*NAMES))
        with leading(Mortal(real_consul.options, life, after), nomad) as bridge:
            try:
                bridge.tick()
                break
            except Died:
                deaths += 1
        seen = listed(consul)
        with leading(consul, nomad) as bridge:
            bridge.tick()
            assert seen <= listed(consul) == set(NAMES)
            assert bridge.tick().outcome == "steady"
    assert deaths >= 5


# -- Consul --------------------------------------------------------------------------------------------------------


def test_a_wiped_consul_is_filled_from_nomad_while_the_registry_holds_its_list(
    own_consul, consul, nomad, registry
) -> None:
    want(consul, wanting(*NAMES))
    nomad.runs(*all_run(*NAMES))
    with running(consul, nomad.client()):
        until(lambda: registry.cores == set(NAMES), 30, "all are listed")
        for _ in range(2):
            own_consul.wipe()
            until(lambda: safely_listed(consul) == set(NAMES), 30, "all are listed again")
            until(lambda: consul.kv_get(generation_key(DOMAIN)) is not None, 10, "the count is back")
        found = consul.kv_get(generation_key(DOMAIN))
        assert int(found[0]) >= 3


def safely_listed(consul: Consul) -> set[str]:
    try:
        return listed(consul)
    except PryvNomadError:
        return set()


def test_a_consul_that_is_wiped_while_no_bridge_runs_is_filled_by_the_next(own_consul, consul, nomad, registry) -> None:
    """Even when cores fail and Nomad's list is empty at that time: the mirror alone says who was a member."""
    want(consul, wanting(*FEW))
    nomad.runs(*all_run(*FEW))
    with running(consul, nomad.client()):
        until(lambda: listed(consul) == set(FEW), 20, "all are listed")
        until(lambda: "pryv-nomad/desired/0" in nomad.variables, 10, "the mirror is written")
    own_consul.wipe()
    nomad.runs()
    with running(consul, nomad.client()):
        until(lambda: listed(consul) == set(FEW), 20, "all are listed again")
        entry = until(lambda: catalog(consul).get("co1"), 5, "co1 is there").entry
        assert (entry.state, entry.address) == ("active", "192.0.2.1")


def test_a_wiped_consul_and_an_unreachable_nomad_leave_the_registry_its_list(
    own_consul, consul, nomad, registry
) -> None:
    want(consul, wanting(*FEW))
    nomad.runs(*all_run(*FEW))
    with running(consul, nomad.client()):
        until(lambda: registry.cores == set(FEW), 20, "all are listed")
    nomad.set_down(True)
    own_consul.wipe()
    with running(consul, nomad.client()) as bridge:
        until(lambda: any("cannot" in each or "Nomad" in each for each in bridge.sentences()), 20, "it says so")
        want(consul, wanting(*FEW))
        threading.Event().wait(1.5)
        assert listed(consul) == set()
        assert consul.kv_get(generation_key(DOMAIN)) is None
        nomad.set_down(False)
        until(lambda: listed(consul) == set(FEW), 30, "all are listed again")


def test_a_catalog_that_somebody_emptied_is_filled_again(consul, nomad, registry) -> None:
    want(consul, wanting(*FEW))
    nomad.runs(*all_run(*FEW))
    with running(consul, nomad.client()):
        until(lambda: registry.cores == set(FEW), 20, "all are listed")
        registry.close()
        for core in FEW:
            consul.catalog_deregister({"Node": f"pryv-core-{core}"})
        until(lambda: listed(consul) == set(FEW), 20, "all are listed again")


def test_a_restarted_consul_finds_the_bridge_where_it_was(own_consul, consul, nomad, registry) -> None:
    want(consul, wanting(*FEW))
    nomad.runs(*all_run(*FEW))
    with running(consul, nomad.client()):
        until(lambda: listed(consul) == set(FEW), 20, "all are listed")
        own_consul.stop(kill=True)
        own_consul.start()
        nomad.runs(*all_run(*FEW, status="failed"))
        until(lambda: status_of(consul, "co1") == "critical", 45, "the bridge writes again")
        assert listed(consul) == set(FEW)


def status_of(consul: Consul, core: str) -> str:
    try:
        return catalog(consul)[core].entry.status
    except (PryvNomadError, KeyError):
        return ""


def test_a_lost_leader_among_consuls_servers_is_survived(tmp_path, nomad) -> None:
    """The bridge speaks to a follower, whose leader is killed."""
    binary = consul_binary() or pytest.skip("no consul binary on PATH or in tools/bin")
    servers = [ConsulServer(binary, tmp_path / str(number), expect=3) for number in range(3)]
    try:
        for server in servers:
            server.peers = servers
            server.launch()
        until(lambda: all(server.ready() for server in servers), 60, "they have a leader")
        leader = until(lambda: [each for each in servers if leads_the_others(each)], 20, "one leads")[0]
        left = [server for server in servers if server is not leader]
        with left[0].client() as consul:
            want(consul, wanting(*FEW))
            nomad.runs(*all_run(*FEW))
            registry = Registry(left[1])
            with running(consul, nomad.client()):
                until(lambda: registry.cores == set(FEW), 30, "all are listed")
                leader.stop(kill=True)
                nomad.runs(*all_run(*FEW, status="failed"))
                until(lambda: status_of(consul, "co1") == "critical", 60, "the bridge writes again")
                assert listed(consul) == set(FEW)
            registry.close()
            assert registry.shrunk == set()
    finally:
        for server in servers:
            server.stop(kill=True)


def leads_the_others(server: ConsulServer) -> bool:
    with server.client() as client:
        return client.agent_self()["Stats"]["consul"]["leader"] == "true"


@pytest.mark.parametrize("link", [Link.SILENT, Link.REFUSED])
def test_a_bridge_that_is_cut_off_is_followed_by_another_and_writes_nothing_more(
    link, real_consul, consul, nomad, registry
) -> None:
    """The other leads within twice the TTL and the lock-delay."""
    want(consul, wanting(*FEW))
    nomad.runs(*all_run(*FEW))
    proxy = TcpProxy(real_consul.port)
    through = Consul(ConsulOptions(address=proxy.address), retries=NEVER, timeout_s=2.0)
    with running(through, nomad.client(), "one") as one:
        until(lambda: listed(consul) == set(FEW), 20, "all are listed")
        with running(consul, nomad.client(), "two") as two:
            until(lambda: two.bridge.leadership.standing.leader == "one", 10, "two stands by")
            proxy.cut(link)
            until(lambda: two.bridge.leadership.standing.leading, 2 * TTL_S + LOCK_DELAY_S + 5, "two leads")
            assert one.bridge.leadership.fence() is None
            nomad.runs(*all_run(*FEW[:3]))
            until(lambda: status_of(consul, "co6") == "critical", 15, "two writes")
            proxy.mend()
            until(lambda: one.bridge.leadership.standing.leader == "two", 20, "one stands by")
            assert listed(consul) == set(FEW)
    proxy.close()


# -- Nomad ---------------------------------------------------------------------------------------------------------


def test_a_lost_nomad_changes_nothing_and_is_said(consul, nomad, registry) -> None:
    want(consul, wanting(*FEW))
    nomad.runs(*all_run(*FEW))
    with running(consul, nomad.client(), full_s=1.0) as bridge:
        until(lambda: listed(consul) == set(FEW), 20, "all are listed")
        before = {core: each.entry for core, each in catalog(consul).items()}
        nomad.set_down(True)
        until(lambda: "nothing to do; cannot reach Nomad" in bridge.last, 20, "it says so")
        assert {core: each.entry for core, each in catalog(consul).items()} == before
        nomad.set_down(False)
        until(lambda: bridge.last.endswith("; nothing to do"), 20, "it is back")


def test_a_nomad_that_forgot_everything_makes_cores_critical_and_keeps_them(consul, nomad, registry) -> None:
    """Its index goes back, its jobs and variables are gone: the mirror is written anew from Consul."""
    want(consul, wanting(*FEW))
    nomad.runs(*all_run(*FEW))
    with running(consul, nomad.client(), full_s=1.0):
        until(lambda: listed(consul) == set(FEW), 20, "all are listed")
        until(lambda: "pryv-nomad/desired/0" in nomad.variables, 10, "the mirror is written")
        nomad.variables, nomad.index = {}, 1
        nomad.runs()
        until(lambda: all(status_of(consul, core) == "critical" for core in FEW), 20, "all are critical")
        until(lambda: any("members" in path for path in nomad.variables), 20, "the mirror is back")
        assert listed(consul) == set(FEW)


# -- cores ---------------------------------------------------------------------------------------------------------


def test_half_of_the_cores_fail_then_all_then_none(consul, nomad, registry) -> None:
    want(consul, wanting(*NAMES))
    nomad.runs(*all_run(*NAMES))
    with running(consul, nomad.client()) as bridge:
        until(lambda: listed(consul) == set(NAMES), 30, "all are listed")
        for failing in (50, 100, 0):
            nomad.runs(*all_run(*NAMES[:failing], status="failed"), *all_run(*NAMES[failing:]))
            until(lambda number=failing: failed(consul) == number, 20, f"{failing} are critical")
            assert listed(consul) == set(NAMES)
        until(lambda: bridge.last.startswith("100 cores listed;"), 10, "the sentence says so")


def failed(consul: Consul) -> int:
    return sum(each.entry.status == "critical" for each in catalog(consul).values())


def test_a_quiet_platform_writes_nothing(consul, nomad) -> None:
    want(consul, wanting(*FEW))
    nomad.runs(*all_run(*FEW))
    with running(consul, nomad.client(), full_s=0.3) as bridge:
        until(lambda: bridge.last == "6 cores listed; nothing to do", 20, "it is quiet")
        looks, writes = ticks(bridge), (indexes(consul), nomad.writes)
        until(lambda: ticks(bridge) >= looks + 5, 20, "it looks")
        assert (indexes(consul), nomad.writes) == writes


def ticks(bridge) -> float:
    return bridge.bridge.metrics.value("ticks_total", outcome="steady")


def indexes(consul: Consul) -> tuple[int, ...]:
    """When keys and catalog were last written."""
    keys = consul.get("/v1/kv/pryv-nomad/", {"keys": ""}).index
    return keys, consul.get("/v1/catalog/service/pryv-core").index, consul.get("/v1/health/service/pryv-core").index
