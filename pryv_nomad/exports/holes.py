"""Fills the holes of configuration files for targets that have no discovery of their own.

The cores and the machines' addresses are those of the cluster file, so they must stand in it; what else a file asks for
is a name on the target's network. Secrets stay holes: each target has its own way to put them in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pryv_nomad.errors import ClusterFileError, Problem
from pryv_nomad.model.cluster import Cluster, Core, Profile
from pryv_nomad.settings import values
from pryv_nomad.settings.document import (
    AcmeChallenges,
    ConfigFile,
    Endpoint,
    Hole,
    Hostings,
    MachineAddress,
    Part,
    Providers,
    Secret,
    Upstream,
)
from pryv_nomad.settings.serialize import text_parts

Host = Callable[[str, str, bool], str]
"""The host name of a component, asked by a machine of a role; the flag asks for that of the registry's replica."""

_PLACES = {"registry": "registry.ip", "replica": "registry.replica.ip", "static": "static.ip"}
_REMEDY = "write it in the cluster file: an export has no Nomad and no Consul to find it"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the files of a machine of `role` may know: the platform, its core's profile, and the target's host names."""

    cluster: Cluster
    role: str
    host: Host
    profile: Profile | None


def processes(cluster: Cluster, component: str, profile: Profile | None) -> int:
    """How many processes `component` runs, a port each."""
    facts = cluster.component(component)
    if not facts.has_processes:
        return 1
    if profile is None:
        return facts.procs
    return profile.hfs_procs if component == "hfs" else profile.procs


def fill(file: ConfigFile, around: Surroundings) -> tuple[str | Secret, ...]:
    """The parts of `file` with everything filled but the secrets. Raises ClusterFileError for an unknown address."""
    parts = text_parts(_filled(part, around) for part in file.parts)
    return tuple(part for part in parts if isinstance(part, str | Secret))


def require_addresses(cluster: Cluster) -> None:
    """Raise ClusterFileError that names every core and machine whose address the cluster file does not say."""
    problems = [
        Problem(core.path, f"{core.name} has no ip", cluster.where(core.path), _REMEDY)
        for core in cluster.cores
        if not address(cluster, core)
    ]
    roles: tuple[values.Role, ...] = ("registry", "replica", "static")
    unknown = (values.address(cluster, role) for role in roles)
    places = dict.fromkeys(_PLACES[hole.role] for hole in unknown if isinstance(hole, MachineAddress))
    problems += [Problem(place, "not given", remedy=_REMEDY) for place in places]
    if problems:
        raise ClusterFileError(problems)


def address(cluster: Cluster, core: Core) -> str:
    """A core's public address, empty where the cluster file does not say it. A single machine has one for all."""
    single = cluster.file.platform.single_machine
    return core.ip or (cluster.file.registry.ip or "" if single else "")


def missing(path: str, why: str) -> ClusterFileError:
    """The error for an address that the export needs and the cluster file does not say."""
    return ClusterFileError([Problem(path, f"not given, but {why}", "", _REMEDY)])


def _filled(part: Part, around: Surroundings) -> Part:
    match part:
        case str() | Secret():
            return part
        case Endpoint():
            return _endpoint(part, around)
        case Upstream():
            return _upstream(part, around)
        case MachineAddress():
            raise missing(_PLACES[part.role], "a configuration file names this address")
        case Hostings():
            return _inner_json(hostings(around.cluster))
        case Providers():
            return _inner_json(_providers(part, around.cluster))
        case AcmeChallenges():
            return "[]"


def hostings(cluster: Cluster) -> dict[str, dict[str, dict[str, str]]]:
    """`net.hostings` of the registry: hosting → core → its address, those that run elsewhere included."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for core in sorted(cluster.cores, key=lambda core: (core.hosting, core.name)):
        found.setdefault(core.hosting, {})[core.name] = {"ip": address(cluster, core)}
    return found


def _providers(hole: Providers, cluster: Cluster) -> Mapping[str, Any]:
    used = {core.hosting for core in cluster.cores}
    return {key: provider for key, provider in json.loads(hole.known).items() if key in used}


def _inner_json(value: Mapping[str, Any]) -> str:
    """JSON that stands two levels deep in a document of ours, a line for each entry's entry: a fleet has thousands."""
    return _object(
        {key: _object({name: _line(each) for name, each in found.items()}, 6) for key, found in value.items()}, 4
    )


def _object(members: Mapping[str, str], depth: int) -> str:
    """A JSON object of members that are JSON already, `depth` blanks deep."""
    lines = ",".join(f"\n{' ' * (depth + 2)}{_line(key)}: {member}" for key, member in members.items())
    return f"{{{lines}\n{' ' * depth}}}" if members else "{}"


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _endpoint(hole: Endpoint, around: Surroundings) -> str:
    host = around.host(hole.component, around.role, hole.replica)
    port = str(around.cluster.component(hole.component).ports[hole.port].port)
    return {"host": host, "port": port, "address": f"{host}:{port}"}[hole.part]


def _upstream(hole: Upstream, around: Surroundings) -> str:
    """A line a process. Nothing here makes canaries."""
    if hole.canary == "only":
        return ""
    host = around.host(hole.component, around.role, False)
    port = around.cluster.component(hole.component).ports[hole.port]
    count = processes(around.cluster, hole.component, around.profile) if port.per_process else 1
    options = f" {hole.options}" if hole.options else ""
    return "\n    ".join(f"server {host}:{port.port + number}{options};" for number in range(count))


def asked(files: Iterable[ConfigFile]) -> frozenset[str]:
    """The components that `files` name an address of."""
    holes: Iterable[Hole] = (hole for file in files for hole in file.holes)
    return frozenset(hole.component for hole in holes if isinstance(hole, Endpoint | Upstream))
