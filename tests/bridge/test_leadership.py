"""One bridge leads, and only the one that holds the lock writes. Against a real Consul."""

from __future__ import annotations

import threading
import time

import pytest

from pryv_nomad.bridge.actions import BumpGeneration, Decision
from pryv_nomad.bridge.leadership import Leadership, leader_key
from pryv_nomad.bridge.membership import generation_key
from pryv_nomad.bridge.reading import ConsulReader, NomadReader
from pryv_nomad.bridge.writing import LeadershipLost, Writer
from pryv_nomad.clients.consul import Consul
from pryv_nomad.clients.fence import Fence
from pryv_nomad.clients.options import ConsulOptions
from pryv_nomad.clients.retries import NEVER
from pryv_nomad.errors import Conflict
from tests.bridge.running import DOMAIN, listed, running, want, wanting
from tests.bridge.small_nomad import stubs
from tests.consul_server import until
from tests.tcp_proxy import Link, TcpProxy

COUNT = Decision((BumpGeneration(5),), {}, "")


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def contender(consul):
    """Makes runners for the lock, and stops what it made."""
    made: list[Leadership] = []

    def make(name: str) -> Leadership:
        new = Leadership(consul, DOMAIN, name, wake=threading.Event(), stop=threading.Event())
        new.start()
        made.append(new)
        return new

    yield make
    for each in made:
        each.close()


def writer(consul: Consul, nomad, fence) -> Writer:
    client = nomad.client()
    readers = ConsulReader(consul, DOMAIN), NomadReader(client)
    readers[0].read()
    return Writer(consul, DOMAIN, readers, fence)


def test_one_of_two_leads_and_the_other_knows_who(contender) -> None:
    one, two = contender("one"), contender("two")
    leads = until(lambda: [each for each in (one, two) if each.standing.leading], 10, "one leads")
    assert len(leads) == 1
    other = two if leads[0] is one else one
    until(lambda: other.standing.leader == leads[0].standing.leader, 10, "the other knows")
    assert other.fence() is None


def test_a_leader_that_stops_is_followed_at_once(contender) -> None:
    one = contender("one")
    until(lambda: one.standing.leading, 10, "one leads")
    two = contender("two")
    until(lambda: two.standing.leader == "one", 10, "two stands by")
    begun = time.monotonic()
    one.close()
    until(lambda: two.standing.leading, 10, "two leads")
    assert time.monotonic() - begun < 5
    assert one.fence() is None


def test_a_leader_that_cannot_renew_the_lock_in_time_stops_by_itself(real_consul, consul) -> None:
    """By its own clock, without a word from Consul."""
    clock, proxy = Clock(), TcpProxy(real_consul.port)
    with Consul(ConsulOptions(address=proxy.address), retries=NEVER, timeout_s=1.0) as client:
        one = Leadership(client, DOMAIN, "one", wake=threading.Event(), stop=threading.Event(), clock=clock)
        one.start()
        until(lambda: one.standing.leading, 10, "one leads")
        proxy.cut(Link.SILENT)
        clock.now += 9.9
        assert one.fence() is not None
        clock.now += 0.2
        assert one.fence() is None
        assert not one.standing.leading
        one.close()
    proxy.close()


def test_a_session_that_was_ended_is_noticed_and_the_lock_taken_anew(contender, consul) -> None:
    one = contender("one")
    until(lambda: one.standing.leading, 10, "one leads")
    term, session = one.term, one.fence().session
    consul.session_destroy(session)
    until(lambda: one.term > term and one.standing.leading, 20, "one leads again")
    assert one.fence().session != session


def test_a_write_behind_a_lock_that_another_holds_changes_nothing(consul, nomad) -> None:
    session = consul.session_create("holder", ttl_s=10, lock_delay_s=0)
    assert consul.acquire(leader_key(DOMAIN), b"{}", session)
    old = consul.session_create("former", ttl_s=10, lock_delay_s=0)
    with pytest.raises(Conflict, match="session"):
        writer(consul, nomad, lambda: Fence(leader_key(DOMAIN), old)).carry_out(COUNT)
    assert consul.kv_get(generation_key(DOMAIN)) is None
    writer(consul, nomad, lambda: Fence(leader_key(DOMAIN), session)).carry_out(COUNT)
    assert consul.kv_get(generation_key(DOMAIN))[0] == b"5"


def test_without_the_lock_nothing_is_even_sent(consul, nomad) -> None:
    with pytest.raises(LeadershipLost):
        writer(consul, nomad, lambda: None).carry_out(COUNT)
    assert consul.kv_get(generation_key(DOMAIN)) is None


class Recorder(Consul):
    """A client that notes when a transaction of which session was carried out."""

    def __init__(self, options, log, **more) -> None:
        super().__init__(options, **more)
        self.log = log

    def txn(self, operations):
        session = operations[0]["KV"]["Session"]
        answer = super().txn(operations)
        self.log.append((time.monotonic(), session))
        return answer


def test_two_bridges_never_write_by_turns(consul, nomad, real_consul) -> None:
    """Sessions of the transactions that Consul carried out: all of one, then all of the next, however often the lock
    is taken away."""
    log: list[tuple[float, str]] = []
    clients = [Recorder(real_consul.options, log, retries=NEVER, timeout_s=5.0) for _ in range(2)]
    want(consul, wanting("co1", "co2", "co3"))
    nomad.runs(*stubs("co1"), *stubs("co2"), *stubs("co3"))
    with running(clients[0], nomad.client(), "one"), running(clients[1], nomad.client(), "two"):
        until(lambda: len(listed(consul)) == 3, 15, "all are listed")
        for turn in range(4):
            held = consul.get(f"/v1/kv/{leader_key(DOMAIN)}").body[0].get("Session")
            if held:
                consul.session_destroy(held)
            nomad.runs(*stubs("co1", status="running" if turn % 2 else "pending"), *stubs("co2"), *stubs("co3"))
            writes = len(log)
            until(lambda before=writes: len(log) > before, 30, "somebody writes")
    turns = [session for at, (_, session) in enumerate(log) if not at or log[at - 1][1] != session]
    assert len(turns) == len(set(turns))
    assert listed(consul) == {"co1", "co2", "co3"}
