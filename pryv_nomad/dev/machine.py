"""What this machine has for a local cluster, and what may be made of it. The choice itself is pure."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pryv_nomad.errors import MissingPrerequisite

Mode = Literal["auto", "real", "simulator"]

MOST_NODES = 16
"""More Nomad clients than this on one machine are slow and prove nothing; the simulator takes any number."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Paths of the programs found (empty: not found), and whether several Nomad clients can live here."""

    nomad: str
    consul: str
    docker: str
    many_nodes: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """What `dev up` starts, and in `reasons` why it is less than a real cluster with all its nodes."""

    mode: Literal["real", "simulator"]
    one_node: bool = False
    reasons: tuple[str, ...] = ()


def look(environ: Mapping[str, str]) -> Machine:
    """What there is on PATH and, in a checkout, in tools/bin. An engine that does not answer is no Docker."""
    built = Path(__file__).resolve().parents[2] / "tools" / "bin"
    path = os.pathsep.join([environ.get("PATH", os.defpath), str(built)])
    found = {name: shutil.which(name, path=path) or "" for name in ("nomad", "consul", "docker", "ip")}
    return Machine(
        nomad=found["nomad"],
        consul=found["consul"],
        docker=found["docker"] if _engine_answers(found["docker"]) else "",
        many_nodes=sys.platform == "linux" and os.geteuid() == 0 and bool(found["ip"]),
    )


def _engine_answers(docker: str) -> bool:
    if not docker:
        return False
    try:
        return subprocess.run([docker, "info"], capture_output=True, timeout=20, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def choose(wanted: Mode, machine: Machine, nodes: int) -> Choice:
    """What to start for `nodes` nodes. Raises MissingPrerequisite when `real` is asked for and cannot be had."""
    missing = [name for name in ("nomad", "consul") if not getattr(machine, name)]
    if wanted == "simulator":
        return Choice("simulator", reasons=("asked for with --mode simulator",))
    obstacles = [f"{name} is not on PATH" for name in missing]
    if nodes > MOST_NODES:
        obstacles.append(f"{nodes} nodes are too many for one machine (at most {MOST_NODES})")
    if obstacles and wanted == "real":
        raise MissingPrerequisite(
            f"no real cluster on this machine: {'; '.join(obstacles)}",
            "install Nomad and Consul (in a checkout, `make tools` builds Consul), or use --mode simulator",
        )
    if obstacles:
        return Choice("simulator", reasons=tuple(obstacles))
    return _real(machine, nodes)


def _real(machine: Machine, nodes: int) -> Choice:
    reasons = []
    if not machine.docker:
        reasons.append("no Docker engine answers: jobs are accepted, but not placed")
    one_node = not machine.many_nodes and nodes > 1
    if one_node:
        reasons.append("one node in place of many: several take root on Linux; only the first core is placed")
    return Choice("real", one_node, tuple(reasons))
