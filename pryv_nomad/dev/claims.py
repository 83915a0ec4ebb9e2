"""What a local cluster holds on this machine: its ports, its network, the nodes' addresses and interfaces."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from pryv_nomad.dev import agents, interfaces, launch, nodes
from pryv_nomad.dev.nodes import NodeWish
from pryv_nomad.dev.options import DevOptions
from pryv_nomad.dev.state import DevState, load, save
from pryv_nomad.errors import Refused

_SIMULATED = "10.64.0.0/16"
"""Addresses of simulated nodes: nothing ever sends to them, and there are enough for the largest fleet."""

_FREE = range(10_000, 19_000)
"""Below Nomad's dynamic ports (from 20000) and the system's own (from 32768): an outgoing connection of one agent would
else hold, now and then, what another is about to listen on."""

_LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"


def state_for(folder: Path, options: DevOptions, mode: str) -> DevState:
    """The state to go on from. What is there already keeps its ports and addresses."""
    state = load(folder)
    if state is None or not launch.alive(state):
        return state if state and state.mode == mode and _same_ports(state, options) else _new_state(options, mode)
    if state.mode != mode:
        raise Refused(f"a local cluster of mode {state.mode} runs in {folder}", "first run `pryv-nomad dev down`")
    if not _same_ports(state, options):
        raise Refused(f"the local cluster in {folder} runs on other ports", "first run `pryv-nomad dev down`")
    return state


def _same_ports(state: DevState, options: DevOptions) -> bool:
    asked = {"nomad": options.nomad_port, "consul": options.consul_port}
    return all(not port or state.ports[name] == port for name, port in asked.items())


def _new_state(options: DevOptions, mode: str) -> DevState:
    given = {"nomad": options.nomad_port, "consul": options.consul_port}
    defaults = {"nomad": 4646, "consul": 8500}
    with contextlib.ExitStack() as held:
        ports = {}
        for name in agents.PORTS if mode == "real" else ("nomad", "consul"):
            wanted = given.get(name, 0)
            ports[name] = _claim(held, name, defaults[name] if wanted is None else wanted)
    return DevState(mode=mode, ports=ports, network=_network(options, mode))


def _network(options: DevOptions, mode: str) -> str:
    if mode == "simulator":
        return _SIMULATED
    return interfaces.free_network(options.network) if os.geteuid() == 0 else options.network


def _claim(held: contextlib.ExitStack, name: str, port: int) -> int:
    """`port`, or a free one for 0, held until all are chosen. Raises Refused when it is taken."""
    start = os.getpid() * 61 % len(_FREE)  # two that start at once seldom try the same
    candidates = (port,) if port else (*_FREE[start:], *_FREE[:start])
    for candidate in candidates:
        listener = held.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            listener.bind((agents.SERVER, candidate))
            listener.listen()
            return int(candidate)
    option = f"--{name.partition('_')[0]}-port"
    raise Refused(f"port {port} of {agents.SERVER} is in use", f"pass {option}, or end what uses it")


def machines(
    folder: Path, wished: Sequence[NodeWish], state: DevState, *, many: bool
) -> tuple[list[NodeWish], DevState, dict[str, str]]:
    """The nodes with their addresses, and the interface of each."""
    if not many:
        laid_out = [dataclasses.replace(node, address=agents.SERVER) for node in wished]
        return laid_out, state, {node.name: _LOOPBACK for node in laid_out}
    laid_out = nodes.placed(wished, state.network, state.addresses)
    devices = {node.name: interfaces.name_for(folder, node.address) for node in laid_out}
    state = dataclasses.replace(state, interfaces=tuple(sorted(devices.values())))
    save(folder, state)
    for node in laid_out:
        interfaces.add(devices[node.name], node.address)
    return laid_out, state, devices
