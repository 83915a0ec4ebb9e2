"""Starts and ends the programs of a local cluster, so that exactly the wanted ones run; each is written down."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from pryv_nomad.dev import leftovers, processes
from pryv_nomad.dev.agents import Program
from pryv_nomad.dev.state import DevState, Running, save
from pryv_nomad.files import write_whole

_CONTAINER_USER = 9999


def decide(wanted: Sequence[Program], alive: Sequence[Running]) -> tuple[list[Running], list[Program]]:
    """What to end and what to start, so that exactly `wanted` runs. Pure."""
    by_name = {program.name: program for program in wanted}
    keep = {each.name for each in alive if each.name in by_name and by_name[each.name].fingerprint == each.fingerprint}
    return [each for each in alive if each.name not in keep], [each for each in wanted if each.name not in keep]


def alive(state: DevState) -> list[Running]:
    """Those of the processes written down that still run."""
    return [each for each in state.processes if processes.is_alive(each.pid, each.started)]


def start(folder: Path, state: DevState, programs: Sequence[Program], environ: Mapping[str, str]) -> DevState:
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
        _give_to_containers(Path(path))
    for path, content in program.files:
        write_whole(Path(path), content, mode=0o600)


def _give_to_containers(volume: Path) -> None:
    """As root, the volume belongs to the containers' user; else anybody may write to it: it holds a lab's data."""
    if os.geteuid() == 0:
        os.chown(volume, _CONTAINER_USER, _CONTAINER_USER)
    else:
        volume.chmod(0o777)


def _environment(folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The agents' environment: ours, without what would point them at another cluster, and with the cluster's mark."""
    foreign = ("NOMAD_", "CONSUL_", "VAULT_")
    kept = {name: value for name, value in environ.items() if not name.startswith(foreign)}
    package = str(Path(__file__).resolve().parents[2])
    search = os.pathsep.join(filter(None, [package, environ.get("PYTHONPATH", "")]))
    return {**kept, "PYTHONPATH": search, processes.MARK: str(folder)}


def end(folder: Path, state: DevState, stop: Sequence[Running], docker: str, *, keep: set[str]) -> DevState:
    """End processes; the nodes that are not wished any more go with all that they have."""
    processes.end([(each.pid, each.started) for each in stop])
    state = dataclasses.replace(state, processes=tuple(alive(state)))
    save(folder, state)
    for node in (folder / "nodes").glob("*"):
        if node.name not in keep:
            leftovers.clear(node, docker)
    return state
