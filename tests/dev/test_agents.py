"""The agents' configuration, and what has to change when the wishes change."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from pryv_nomad.dev import agents
from pryv_nomad.dev.launch import decide
from pryv_nomad.dev.nodes import NodeWish
from pryv_nomad.dev.state import Running

PORTS = dict(zip(agents.PORTS, range(20001, 20007), strict=True))
LAYOUT = agents.Layout(Path("/lab"), PORTS, "/bin/nomad", "/bin/consul", region="eu")
CO1 = NodeWish("co1", "dc1", (("pryv_core", "co1"),), ("core-data",), address="127.0.1.1")
CO2 = NodeWish("co2", "dc2", (("pryv_core", "co2"),), ("core-data",), address="127.0.1.2")
INTERFACES = {"co1": "pn-101", "co2": "pn-102"}
PROGRAMS = agents.programs(LAYOUT, [CO1, CO2], INTERFACES)


def _config(name: str) -> Any:
    (program,) = [each for each in PROGRAMS if each.name == name]
    return json.loads(program.files[0][1])


def _running(program: agents.Program) -> Running:
    return Running(program.name, 1, "boot:1", program.fingerprint, "")


def test_every_nomad_client_has_a_consul_agent_of_its_own() -> None:
    assert _config("nomad-co1")["consul"]["address"] == "127.0.1.1:20004"
    assert _config("nomad-co2")["consul"]["address"] == "127.0.1.2:20004"
    assert _config("consul-co2")["client_addr"] == "127.0.1.2"


def test_a_client_is_what_the_jobs_look_for() -> None:
    config = _config("nomad-co2")
    client = config["client"]
    assert config["datacenter"] == "dc2"
    assert client["meta"] == {"pryv_core": "co2"}
    assert client["network_interface"] == "pn-102"
    assert client["host_network"] == {"private": {"cidr": "127.0.1.2/32"}, "public": {"cidr": "127.0.1.2/32"}}
    assert client["host_volume"] == {"core-data": {"path": "/lab/nodes/co2/volumes/core-data", "read_only": False}}


def test_no_client_takes_away_what_another_one_runs() -> None:
    (docker,) = _config("nomad-co1")["plugin"][0]["docker"][0]["config"]
    assert docker["gc"][0]["dangling_containers"] == [{"enabled": False}]
    assert docker["volumes"] == {"enabled": True}


def test_servers_and_clients_listen_on_loopback_addresses_only() -> None:
    addresses = {json.loads(content)["bind_addr"] for each in PROGRAMS for _, content in each.files}
    assert addresses == {"127.0.0.1", "127.0.1.1", "127.0.1.2"}


def test_one_node_on_the_servers_address_shares_their_agents() -> None:
    consul, nomad = agents.programs(LAYOUT, [replace(CO1, address="127.0.0.1")], {"co1": "lo"})
    config = json.loads(nomad.files[0][1])
    assert config["server"]["enabled"]
    assert config["client"]["enabled"]
    assert json.loads(consul.files[0][1])["server"] is True


def test_nothing_is_restarted_when_nothing_changed() -> None:
    assert decide(PROGRAMS, [_running(each) for each in PROGRAMS]) == ([], [])


def test_a_changed_node_restarts_alone() -> None:
    changed = agents.programs(LAYOUT, [replace(CO1, node_class="large"), CO2], INTERFACES)
    stop, start = decide(changed, [_running(each) for each in PROGRAMS])
    assert [each.name for each in stop] == ["nomad-co1"]
    assert [each.name for each in start] == ["nomad-co1"]


def test_a_node_that_is_not_wished_any_more_ends() -> None:
    stop, start = decide(agents.programs(LAYOUT, [CO1], INTERFACES), [_running(each) for each in PROGRAMS])
    assert sorted(each.name for each in stop) == ["consul-co2", "nomad-co2"]
    assert start == []


def test_what_ended_by_itself_is_started_again() -> None:
    _, start = decide(PROGRAMS, [_running(each) for each in PROGRAMS if each.name != "consul-co1"])
    assert [each.name for each in start] == ["consul-co1"]
