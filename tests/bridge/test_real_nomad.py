"""The bridge with a real Nomad and with the simulator: what it reads there, and what becomes of it in a real Consul."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.clients.options import NomadOptions
from pryv_nomad.clients.retries import NEVER
from pryv_nomad.simulator import NodeSpec, Simulator
from pryv_nomad.simulator.faults import ApiErrors, DroppedConnections, LeaderLost, NodeLost
from pryv_nomad.simulator.http import serve
from tests.bridge.running import Running, catalog, listed, running, want, wanting
from tests.consul_server import until
from tests.contract.agents import nomad_binary, real_nomad
from tests.contract.world import job_spec, task

NODE = NodeSpec("n1", address="127.0.0.1", meta={"pryv_core": "co1"}, drivers=("raw_exec",), cpu=8000, memory=4096)


@pytest.fixture(scope="module", params=["simulator", "real"])
def cluster(request, tmp_path_factory) -> Iterator[Nomad]:
    if request.param == "simulator":
        simulator = Simulator(seed=1)
        simulator.add_node(NODE)
        with serve(simulator, speed=10.0) as serving:
            yield client(serving.nomad_address)
    elif nomad_binary() is None:
        pytest.skip("no nomad on PATH")
    else:
        with real_nomad(tmp_path_factory.mktemp("nomad")) as address:
            yield client(address)


def client(address: str) -> Nomad:
    return Nomad(NomadOptions(address=address), retries=NEVER, timeout_s=5.0)


def core_jobs(core: str) -> list[dict]:
    edge, api = job_spec(f"pryv-edge-{core}", Name="edge"), job_spec(f"pryv-core-{core}")
    api["TaskGroups"].append({**api["TaskGroups"][0], "Name": "workers", "Tasks": [task("other")]})
    return [edge, api]


def test_a_core_joins_fails_and_stays_and_the_mirror_fills_an_emptied_consul(consul, cluster) -> None:
    want(consul, wanting("co1"))
    with running(consul, cluster, full_s=1.0) as bridge:
        until(lambda: catalog(consul).get("co1") is None and bridge.last != "", 10, "it waits")
        for job in core_jobs("co1"):
            cluster.register(job, enforce_index=0)
        until(lambda: listed(consul) == {"co1"}, 30, "co1 is listed")
        entry = catalog(consul)["co1"].entry
        assert (entry.address, entry.status) == ("127.0.0.1", "passing")
        assert entry.output.startswith("nginx and the API run on ")
        cluster.stop("pryv-core-co1")
        until(lambda: catalog(consul)["co1"].entry.status == "critical", 20, "co1 is critical")
        assert catalog(consul)["co1"].entry.output == "the API: no allocation in Nomad"
        until(lambda: cluster.variable("pryv-nomad/desired/0"), 10, "the mirror is written")
    for session in consul.get("/v1/session/list").body or ():
        consul.session_destroy(session["ID"])
    consul.library.kv.delete("pryv-nomad/", recurse=True)
    consul.catalog_deregister({"Node": "pryv-core-co1"})
    with running(consul, cluster, full_s=1.0):
        until(lambda: listed(consul) == {"co1"}, 20, "co1 is listed again")


def test_a_restarted_simulator_finds_the_bridge_where_it_was(consul) -> None:
    simulator = Simulator(seed=1)
    simulator.add_node(NODE)
    want(consul, wanting("co1"))
    with serve(simulator, speed=10.0) as serving:
        address = serving.nomad_address
        for job in core_jobs("co1"):
            client(address).register(job, enforce_index=0)
        bridge = Running(consul, client(address), full_s=0.5)
        bridge.thread.start()
        until(lambda: listed(consul) == {"co1"}, 30, "co1 is listed")
    try:
        until(lambda: "cannot reach Nomad" in bridge.last, 20, "it says so")
        assert catalog(consul)["co1"].entry.status == "passing"
        with serve(simulator, port=int(address.rpartition(":")[2]), speed=10.0):
            until(lambda: bridge.last == "1 core listed; nothing to do", 20, "it is back")
            client(address).stop("pryv-edge-co1")
            until(lambda: catalog(consul)["co1"].entry.status == "critical", 20, "it follows")
            assert listed(consul) == {"co1"}
    finally:
        bridge.bridge.stop()
        bridge.thread.join(30)


def test_nomads_lost_leader_errors_and_lost_nodes_take_no_core_out(consul) -> None:
    simulator = Simulator(seed=1)
    simulator.add_node(NODE)
    want(consul, wanting("co1"))
    with serve(simulator, speed=10.0) as serving:
        nomad = client(serving.nomad_address)
        for job in core_jobs("co1"):
            nomad.register(job, enforce_index=0)
        with running(consul, nomad, full_s=0.5) as bridge:
            until(lambda: listed(consul) == {"co1"}, 30, "co1 is listed")
            for fault in (LeaderLost(20), ApiErrors(5, "/v1/alloc"), DroppedConnections(5, "/v1/alloc")):
                looks = len(bridge.log)
                with serving.driver.changed:
                    simulator.inject(fault)
                until(lambda before=looks: len(bridge.log) > before, 20, f"it says so: {fault}")
                until(lambda: bridge.last == "1 core listed; nothing to do", 20, f"it is over: {fault}")
            with serving.driver.changed:
                simulator.inject(NodeLost("n1"))
            until(lambda: catalog(consul)["co1"].entry.status == "critical", 30, "co1 is critical")
            assert listed(consul) == {"co1"}
