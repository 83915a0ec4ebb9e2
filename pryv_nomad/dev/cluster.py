"""A local Nomad and Consul for a platform, or the simulator: up, down, status. One folder holds all of it."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pryv_nomad.dev import agents, claims, interfaces, launch, leftovers, machine, nodes, processes, ready, syslog
from pryv_nomad.dev.agents import Program
from pryv_nomad.dev.nodes import NodeWish
from pryv_nomad.dev.options import DevCluster, DevOptions
from pryv_nomad.dev.state import DevState, load, save
from pryv_nomad.errors import Refused

_LOCK = "lock"
_PARENT = ".pryv-nomad"


def up(options: DevOptions, environ: Mapping[str, str] | None = None) -> DevCluster:
    """Start what is not running yet and wait until it can take jobs. Doing it twice changes nothing.

    Raises MissingPrerequisite, Refused (a cluster of another mode or port is there), Unhealthy (does not come up).
    """
    folder = options.folder.resolve()
    environment = dict(os.environ if environ is None else environ)
    found = machine.look(environment)
    choice = machine.choose(options.mode, found, len(options.nodes))
    with _locked(folder):
        state = claims.state_for(folder, options, choice.mode)
        save(folder, state)
        cluster = _bring_up(folder, options, choice, found, state, environment)
    return dataclasses.replace(cluster, notes=choice.reasons)


def down(folder: Path, environ: Mapping[str, str] | None = None) -> bool:
    """End everything that `up` started in `folder`, its containers and interfaces included, and remove the folder.

    Whether there was anything to take down. Raises MissingPrerequisite when something cannot be removed.
    """
    folder = folder.resolve()
    if load(folder) is None:
        return False
    found = machine.look(os.environ if environ is None else environ)
    with _locked(folder):
        state = load(folder)
        if state is not None:
            _take_down(folder, state, found)
    if folder.parent.name == _PARENT and not any(folder.parent.iterdir()):
        folder.parent.rmdir()
    return state is not None


def status(folder: Path) -> DevCluster | None:
    """What is there; None where nothing was started."""
    folder = folder.resolve()
    state = load(folder)
    if state is None:
        return None
    alive = {each.name for each in launch.alive(state)}
    ended = tuple(each.name for each in state.processes if each.name not in alive)
    return dataclasses.replace(_described(folder, state), ended=ended)


def _bring_up(
    folder: Path,
    options: DevOptions,
    choice: machine.Choice,
    found: machine.Machine,
    state: DevState,
    environ: Mapping[str, str],
) -> DevCluster:
    wished = nodes.one_node(options.nodes) if choice.one_node else list(options.nodes)
    if choice.mode == "simulator":
        laid_out = nodes.placed(wished, state.network, state.addresses)
        programs = [_simulator(folder, options, state, laid_out)]
    else:
        laid_out, state, devices = claims.machines(folder, wished, state, many=found.many_nodes)
        layout = agents.Layout(folder, state.ports, found.nomad, found.consul, options.region, _cgroup(folder))
        programs = [*_syslog(folder, found), *agents.programs(layout, laid_out, devices)]
    state = dataclasses.replace(state, addresses={node.name: node.address for node in laid_out})
    save(folder, state)
    stop, start = launch.decide(programs, launch.alive(state))
    state = launch.end(folder, state, stop, found.docker, keep={node.name for node in laid_out})
    if choice.mode == "simulator":
        state = launch.start(folder, state, start, environ)
        ports = (state.ports["nomad"], state.ports["consul"])
        ready.wait(
            "the simulator",
            lambda: all(ready.has_leader(agents.SERVER, port) for port in ports),
            state.processes,
            options.patience,
        )
    else:
        state = _start_agents(folder, options, state, start, laid_out, environ, docker=bool(found.docker))
    _make_namespace(options.namespace, state.ports["nomad"])
    return dataclasses.replace(_described(folder, state), started=tuple(program.name for program in start))


def _start_agents(
    folder: Path,
    options: DevOptions,
    state: DevState,
    start: Sequence[Program],
    laid_out: Sequence[NodeWish],
    environ: Mapping[str, str],
    *,
    docker: bool,
) -> DevState:
    """Consul and the servers first: a client that finds no Consul looks again only after 15 s."""
    clients = {f"nomad-{node.name}" for node in laid_out}
    state = launch.start(folder, state, [each for each in start if each.name not in clients], environ)
    addresses = {agents.SERVER, *(node.address for node in laid_out)}
    ports = state.ports
    ready.wait(
        "Consul",
        lambda: all(ready.has_leader(address, ports["consul"]) for address in addresses),
        state.processes,
        options.patience,
    )
    state = launch.start(folder, state, [each for each in start if each.name in clients], environ)
    ready.wait(
        "Nomad and its nodes",
        lambda: not ready.late_nodes(ports["nomad"], laid_out, docker=docker),
        state.processes,
        options.patience,
    )
    return state


def _syslog(folder: Path, found: machine.Machine) -> list[Program]:
    """A listener at /dev/log, unless somebody else is there already or we may not."""
    if not found.many_nodes or not syslog.is_free(syslog.LINK):
        return []
    argv = (sys.executable, "-m", "pryv_nomad.dev.syslog", str(syslog.LINK), str(folder / "logs" / "audit.log"))
    return [Program("syslog", argv)]


def _simulator(folder: Path, options: DevOptions, state: DevState, laid_out: Sequence[NodeWish]) -> Program:
    file = folder / "nodes.json"
    content = json.dumps([_simulated(node) for node in laid_out], indent=2)
    words = {
        "--port": str(state.ports["nomad"]),
        "--consul-port": str(state.ports["consul"]),
        "--nodes": str(file),
        "--speed": f"{options.speed:g}",
        "--address-file": str(folder / "simulator.address"),
        # What runs goes on when the nodes change, which starts it anew.
        "--state": str(folder / "simulator.json"),
    }
    argv = (sys.executable, "-m", "pryv_nomad.simulator", *(word for pair in words.items() for word in pair))
    return Program("simulator", argv, ((str(file), content + "\n"),))


def _simulated(node: NodeWish) -> dict[str, object]:
    """A node as the simulator's nodes file has it (simulator/nodes.py, NodeSpec)."""
    return {
        "name": node.name,
        "datacenter": node.datacenter,
        "address": node.address,
        "node_class": node.node_class,
        "meta": dict(node.meta),
        "attributes": {"driver.docker.volumes.enabled": "true"},
        "host_networks": dict.fromkeys(node.networks, node.address),
        "host_volumes": {name: f"/opt/pryv/{name}" for name in node.volumes},
        "cpu": node.cpu,
        "memory": node.memory,
    }


def _make_namespace(name: str, port: int) -> None:
    if name != "default":
        ready.get(agents.SERVER, port, f"/v1/namespace/{name}", method="PUT", body={"Name": name})


def _take_down(folder: Path, state: DevState, found: machine.Machine) -> None:
    processes.end([(each.pid, each.started) for each in state.processes])
    leftovers.remove_containers(folder, found.docker)
    leftovers.end_helpers(folder)
    if found.many_nodes:
        interfaces.remove_all(folder, state.interfaces)
    leftovers.remove_cgroups(_cgroup(folder))
    leftovers.clear(folder, found.docker)


def _described(folder: Path, state: DevState) -> DevCluster:
    return DevCluster(folder, state.mode, state.nomad, state.consul, state.addresses)


def _cgroup(folder: Path) -> str:
    return f"/{interfaces.prefix(folder)}"


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One at a time: a second `up` or `down` in the same folder is refused, and so is a folder with other things in it:
    `down` removes the folder."""
    if load(folder) is None and folder.exists() and any(path.name != _LOCK for path in folder.iterdir()):
        raise Refused(f"{folder} holds other things than a local cluster", "pass --dir with a folder of its own")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / _LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"another dev up or down is at work in {folder}", "wait until it is done") from None
        yield
