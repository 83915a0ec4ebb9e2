"""A local Nomad and Consul for a platform, or the simulator: up, down, status. One folder holds all of it."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pryv_nomad.dev import agents, interfaces, leftovers, machine, nodes, processes, ready
from pryv_nomad.dev.agents import Program
from pryv_nomad.dev.nodes import NodeWish
from pryv_nomad.dev.state import DevState, Running, load, save
from pryv_nomad.errors import MissingPrerequisite, Refused, Unhealthy
from pryv_nomad.files import write_whole

_CONTAINER_USER = 9999


@dataclass(frozen=True, slots=True)
class DevOptions:
    """What to start. A port of None means the one that was used before, else the program's own default; 0 a free one.

    `nodes` come from `nodes.wishes(cluster)`. `patience` bounds each wait, in seconds.
    """

    folder: Path
    nodes: tuple[NodeWish, ...]
    mode: machine.Mode = "auto"
    nomad_port: int | None = None
    consul_port: int | None = None
    network: str = "127.0.1.0/24"
    region: str = "global"
    namespace: str = "default"
    patience: float = 120.0


@dataclass(frozen=True, slots=True)
class DevCluster:
    """A local cluster. `notes` say why it is less than it could be; `started` names the processes started just now,
    `ended` those that should run and do not; `nodes` maps names to addresses."""

    folder: Path
    mode: str
    nomad: str
    consul: str
    nodes: Mapping[str, str]
    notes: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()


def up(options: DevOptions, environ: Mapping[str, str] | None = None) -> DevCluster:
    """Start what is not running yet and wait until it can take jobs. Doing it twice changes nothing.

    Raises MissingPrerequisite, Refused (a cluster of another mode or port is there), Unhealthy (does not come up).
    """
    folder = options.folder.resolve()
    environment = dict(os.environ if environ is None else environ)
    found = machine.look(environment)
    choice = machine.choose(options.mode, found, len(options.nodes))
    with _locked(folder):
        state = _state_for(folder, options, choice.mode)
        save(folder, state)
        try:
            cluster = _bring_up(folder, options, choice, found, state, environment)
        except (MissingPrerequisite, Unhealthy):
            if not state.processes:  # a first start that failed leaves nothing behind
                _take_down(folder, load(folder), found.docker)
            raise
        return dataclasses.replace(cluster, notes=choice.reasons)


def down(folder: Path, environ: Mapping[str, str] | None = None) -> bool:
    """End everything that `up` started in `folder`, its containers and interfaces included, and remove the folder.

    Whether there was anything to take down. Raises MissingPrerequisite when something cannot be removed.
    """
    folder = folder.resolve()
    if not folder.exists():
        return False
    docker = machine.look(os.environ if environ is None else environ).docker
    with _locked(folder):
        state = load(folder)
        _take_down(folder, state, docker)
    return state is not None


def status(folder: Path) -> DevCluster | None:
    """What is there; None where nothing was started."""
    folder = folder.resolve()
    state = load(folder)
    if state is None:
        return None
    alive = {each.name for each in _alive(state)}
    ended = tuple(each.name for each in state.processes if each.name not in alive)
    return dataclasses.replace(_described(folder, state), ended=ended)


def decide(wanted: Sequence[Program], alive: Sequence[Running]) -> tuple[list[Running], list[Program]]:
    """What to end and what to start, so that exactly `wanted` runs. Pure."""
    by_name = {program.name: program for program in wanted}
    keep = {each.name for each in alive if each.name in by_name and by_name[each.name].fingerprint == each.fingerprint}
    return [each for each in alive if each.name not in keep], [each for each in wanted if each.name not in keep]


# -- steps of up -------------------------------------------------------------------------------------------------


def _state_for(folder: Path, options: DevOptions, mode: str) -> DevState:
    """The state to go on from. What is there already keeps its ports and addresses."""
    state = load(folder)
    if state is None or not _alive(state):
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
    network = interfaces.free_network(options.network) if mode == "real" and os.geteuid() == 0 else options.network
    return DevState(mode=mode, ports=ports, network=network)


def _claim(held: contextlib.ExitStack, name: str, port: int) -> int:
    """`port`, or a free one for 0, held until all are chosen. Raises Refused when it is taken."""
    listener = held.enter_context(socket.socket())
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((agents.SERVER, port))
    except OSError:
        option = f"--{name.partition('_')[0]}-port"
        raise Refused(f"port {port} of {agents.SERVER} is in use", f"pass {option}, or end what uses it") from None
    return int(listener.getsockname()[1])


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
        programs = [_simulator(folder, state, laid_out)]
    else:
        laid_out, state, devices = _machines(folder, wished, state, many=found.many_nodes)
        layout = agents.Layout(folder, state.ports, found.nomad, found.consul, options.region, _cgroup(folder))
        programs = agents.programs(layout, laid_out, devices)
    state = dataclasses.replace(state, addresses={node.name: node.address for node in laid_out})
    save(folder, state)
    stop, start = decide(programs, _alive(state))
    state = _end(folder, state, stop, found.docker, keep={node.name for node in laid_out})
    if choice.mode == "simulator":
        state = _start(folder, state, start, environ)
        ready.wait("the simulator", lambda: ready.has_leader(agents.SERVER, state.ports["nomad"]), state.processes, 30)
    else:
        state = _start_agents(folder, options, state, start, laid_out, environ, docker=bool(found.docker))
    _make_namespace(options.namespace, state.ports["nomad"])
    return dataclasses.replace(_described(folder, state), started=tuple(program.name for program in start))


def _machines(
    folder: Path, wished: Sequence[NodeWish], state: DevState, *, many: bool
) -> tuple[list[NodeWish], DevState, dict[str, str]]:
    """The nodes with their addresses, and the interface of each."""
    if not many:
        laid_out = [dataclasses.replace(node, address=agents.SERVER) for node in wished]
        return laid_out, state, {node.name: "lo" for node in laid_out}
    laid_out = nodes.placed(wished, state.network, state.addresses)
    devices = {node.name: interfaces.name_for(folder, node.address) for node in laid_out}
    state = dataclasses.replace(state, interfaces=tuple(sorted(devices.values())))
    save(folder, state)
    for node in laid_out:
        interfaces.add(devices[node.name], node.address)
    return laid_out, state, devices


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
    state = _start(folder, state, [each for each in start if each.name not in clients], environ)
    addresses = {agents.SERVER, *(node.address for node in laid_out)}
    ports = state.ports
    ready.wait(
        "Consul",
        lambda: all(ready.has_leader(address, ports["consul"]) for address in addresses),
        state.processes,
        options.patience,
    )
    state = _start(folder, state, [each for each in start if each.name in clients], environ)
    ready.wait(
        "Nomad and its nodes",
        lambda: not ready.late_nodes(ports["nomad"], laid_out, docker=docker),
        state.processes,
        options.patience,
    )
    return state


def _simulator(folder: Path, state: DevState, laid_out: Sequence[NodeWish]) -> Program:
    file = folder / "nodes.json"
    content = json.dumps([{**dataclasses.asdict(node), "meta": dict(node.meta)} for node in laid_out], indent=2)
    options = {
        "--port": str(state.ports["nomad"]),
        "--consul-port": str(state.ports["consul"]),
        "--nodes": str(file),
        "--address-file": str(folder / "simulator.address"),
    }
    argv = (sys.executable, "-m", "pryv_nomad.simulator", *(word for pair in options.items() for word in pair))
    return Program("simulator", argv, ((str(file), content + "\n"),))


def _start(folder: Path, state: DevState, programs: Sequence[Program], environ: Mapping[str, str]) -> DevState:
    """Start programs; each is written down as soon as it runs."""
    environment = _environment(folder, environ)
    for program in programs:
        _prepare(program)
        log = folder / "logs" / f"{program.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        pid = processes.start(program.argv, log, environment)
        running = Running(program.name, pid, processes.started_at(pid), program.fingerprint, str(log))
        state = state.with_process(running)
        save(folder, state)
    return state


def _prepare(program: Program) -> None:
    for path in (*program.folders, *program.volumes):
        Path(path).mkdir(parents=True, exist_ok=True)
    for path in program.volumes:
        if os.geteuid() == 0:
            os.chown(path, _CONTAINER_USER, _CONTAINER_USER)
    for path, content in program.files:
        write_whole(Path(path), content, mode=0o600)


def _environment(folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The agents' environment: ours, without what would point them at another cluster, and with the cluster's mark."""
    foreign = ("NOMAD_", "CONSUL_", "VAULT_")
    kept = {name: value for name, value in environ.items() if not name.startswith(foreign)}
    package = str(Path(__file__).resolve().parents[2])
    search = os.pathsep.join(filter(None, [package, environ.get("PYTHONPATH", "")]))
    return {**kept, "PYTHONPATH": search, processes.MARK: str(folder)}


def _make_namespace(name: str, port: int) -> None:
    if name != "default":
        ready.get(agents.SERVER, port, f"/v1/namespace/{name}", method="PUT", body={"Name": name})


# -- steps of down -----------------------------------------------------------------------------------------------


def _end(folder: Path, state: DevState, stop: Sequence[Running], docker: str, *, keep: set[str]) -> DevState:
    """End processes; the nodes that are not wished any more go with all that they have."""
    processes.end([(each.pid, each.started) for each in stop])
    for each in stop:
        state = state.without(each.name)
        save(folder, state)
    for node in (folder / "nodes").glob("*"):
        if node.name not in keep:
            leftovers.clear(node, docker)
    return state


def _take_down(folder: Path, state: DevState | None, docker: str) -> None:
    processes.end([(each.pid, each.started) for each in state.processes] if state else [])
    leftovers.remove_containers(folder, docker)
    leftovers.end_helpers(folder)
    if state is not None and state.interfaces:
        interfaces.remove_all(folder, state.interfaces)
    leftovers.remove_cgroups(_cgroup(folder))
    leftovers.clear(folder, docker)


# -- common ------------------------------------------------------------------------------------------------------


def _alive(state: DevState) -> list[Running]:
    return [each for each in state.processes if processes.is_alive(each.pid, each.started)]


def _described(folder: Path, state: DevState) -> DevCluster:
    return DevCluster(folder, state.mode, state.nomad, state.consul, state.addresses)


def _cgroup(folder: Path) -> str:
    return f"/{interfaces.prefix(folder)}"


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One at a time: a second `up` or `down` in the same folder is refused."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"another dev up or down is at work in {folder}", "wait until it is done") from None
        yield
