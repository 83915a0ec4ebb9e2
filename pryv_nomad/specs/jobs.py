"""Which jobs a platform consists of, and what each template is given.

Jobs of a core are described once for all cores of a profile: what differs between them is an HCL variable.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pryv_nomad.errors import SpecError
from pryv_nomad.model.cluster import Cluster, Profile
from pryv_nomad.model.file import Constraint, Machine
from pryv_nomad.settings.files import files
from pryv_nomad.settings.nginx_blocks import Edge
from pryv_nomad.specs.escape import VARIABLE, Raw, interpolated, literal
from pryv_nomad.specs.follower import FOLLOWED, followed
from pryv_nomad.specs.places import CORE, Place, first_label, is_database
from pryv_nomad.specs.renewal import certificate
from pryv_nomad.specs.tasks import Mount, Seat, Task, task
from pryv_nomad.specs.templates import (
    EDGE,
    REGISTRY,
    REPLICA,
    USUAL,
    ConfigTemplate,
    certificate_templates,
    config_templates,
    pull_credentials,
)

CORE_KINDS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "data": (("mongodb",), ("influxdb",)),
    "core": (("core",), ("hfs",), ("preview", "webhooks"), ("mfa",)),
    "edge": (("nginx",),),
}
"""Kind of a core's job → its groups, each with its components."""

_DISK_STEP = 1000
_NODE_FACT = re.compile(r"\$\{(?:node|attr|meta)(?:\.[A-Za-z_][A-Za-z0-9_-]*)+\}")
_CERTIFICATE_FOLDERS = ("/app/tls", "/app/tls-key")


@dataclass(frozen=True, slots=True)
class Pin:
    """A constraint of a job; `value` is empty where the operator needs none."""

    attribute: Raw
    operator: str
    value: Raw


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of job outside the cores: its template is `KIND.nomad.hcl.j2`, its job `pryv-KIND` (or `job_id`)."""

    kind: str
    owner: str
    groups: tuple[tuple[str, ...], ...]
    job_id: str


def other_jobs(cluster: Cluster) -> Iterator[JobKind]:
    """The jobs outside the cores, in the order in which they start."""
    file, single = cluster.file, cluster.file.platform.single_machine
    replica = file.registry.replica is not None
    yield _kind("redis", "registry", ("redis",))
    if replica:
        yield _kind("redis-replica", "replica", ("redis",))
    optional = {"mail": file.registry.mail.enabled, "admin_panel": file.registry.admin_panel.enabled}
    yield _kind("registry", "registry", ("register",), *((name,) for name, wanted in optional.items() if wanted))
    if file.registry.dns.enabled:
        yield _kind("dns", "registry", ("dns",))
        if replica:
            yield _kind("dns-replica", "replica", ("dns",))
    if single:
        yield JobKind("edge-single", "platform", (("nginx",),), "pryv-edge")
    else:
        yield _kind("registry-edge", "registry", ("nginx",))
        if replica:
            yield _kind("registry-edge-replica", "replica", ("nginx",))
    yield _kind("static", "static", ("app_web_auth3",), *(() if single else (("nginx",),)))
    if cluster.acme.enabled:
        yield _kind("certificate", "platform")
    if file.bridge.enabled:
        yield _kind("bridge", "platform")


def _kind(kind: str, owner: str, *groups: tuple[str, ...]) -> JobKind:
    return JobKind(kind, owner, groups, f"pryv-{kind}")


def core_kinds(cluster: Cluster) -> tuple[str, ...]:
    """The kinds of a core's jobs; on a single machine one edge serves all roles."""
    return tuple(kind for kind in CORE_KINDS if kind != "edge" or not cluster.file.platform.single_machine)


def core_values(cluster: Cluster, kind: str, profile: Profile, generations: Mapping[str, int]) -> dict[str, Any]:
    """What a template of a core's job is given. Raises SpecError where the release lacks a component of the job."""
    attribute, variable = ("meta.pryv_core", "core") if profile.pinned_by_name else ("node.unique.name", "node")
    pins = [Pin(Raw(f'"${{{attribute}}}"'), "=", interpolated(VARIABLE.format(variable)))]
    if profile.node_class:
        pins.append(_pin(Constraint(attribute="${node.class}", value=profile.node_class)))
    pins += map(_pin, (*cluster.file.constraints, *profile.constraints))
    tasks = _tasks(cluster, CORE_KINDS[kind], "core", CORE, profile, generations)
    return _values(cluster, tasks, pins, profile.datacenter) | {"canary": profile.canary}


def other_values(cluster: Cluster, job: JobKind, generations: Mapping[str, int]) -> dict[str, Any]:
    """What a template of a job outside the cores is given."""
    if job.kind == "bridge":
        return _bridge_values(cluster, generations)
    role = "single" if job.kind == "edge-single" else job.owner
    machine = _machine(cluster, job.owner)
    where = _on_node(machine.node) if machine.node else _with_role(job.owner)
    pins = [_pin(constraint) for constraint in (where, *cluster.file.constraints, *machine.constraints)]
    core = cluster.deployed_cores[0].name if role == "single" and cluster.deployed_cores else CORE
    tasks = _tasks(cluster, job.groups, role, core, None, generations)
    if job.kind == "certificate":
        tasks["certificate"] = certificate(cluster, generations)
    more = _followers(cluster, job, tasks, generations)
    return _values(cluster, tasks, pins, cluster.datacenter_of(machine)) | more


def _bridge_values(cluster: Cluster, generations: Mapping[str, int]) -> dict[str, Any]:
    """A job of ours: no component of the release, and at home on any machine of the platform."""
    file = cluster.file
    pins = [_pin(constraint) for constraint in file.constraints]
    return _values(cluster, {}, pins, "") | {
        "datacenters": list(file.datacenters),
        "bridge": file.bridge,
        "image": cluster.own_image,
        "host_network": "" if file.network.allow_public_backends else file.network.private,
        "credentials": pull_credentials(cluster, generations),
    }


def _on_node(name: str) -> Constraint:
    return Constraint(attribute="${node.unique.name}", value=name)


def _with_role(owner: str) -> Constraint:
    """A machine may have several roles, separated by commas in its meta; a single machine has them all."""
    role = "registry" if owner == "platform" else owner
    return Constraint(attribute="${meta.pryv_role}", operator="set_contains", value=role)


def _machine(cluster: Cluster, owner: str) -> Machine:
    registry = cluster.file.registry
    if owner == "replica" and registry.replica is not None:
        return registry.replica
    return cluster.file.static if owner == "static" else registry


def _pin(constraint: Constraint) -> Pin:
    """A constraint as it is written: what Nomad knows of a node stays `${…}`, all else is text."""
    node = _NODE_FACT.fullmatch(constraint.attribute)
    attribute = Raw(f'"{constraint.attribute}"') if node else literal(constraint.attribute)
    return Pin(attribute, constraint.operator, literal(constraint.value) if constraint.value else Raw(""))


def _values(cluster: Cluster, tasks: Mapping[str, Task], pins: list[Pin], datacenter: str) -> dict[str, Any]:
    file = cluster.file
    return {
        "task": tasks,
        "pins": pins,
        "datacenters": [datacenter],
        "platform": file.platform,
        "registry": file.registry,
        "update": file.update,
        "lifecycle": file.lifecycle,
        "logs": file.logs,
        "images": file.images,
        "tls": file.tls,
        "nomad": file.nomad,
        "disk": lambda group: disk(group, file.logs.max_files * file.logs.max_file_size),
        "unique_volumes": unique_volumes,
    }


def disk(tasks: list[Task], log_size: int) -> int:
    """MB of a group's folder: room for stdout and stderr of each task. In steps of 1 GB, since a changed size replaces
    the allocations, databases included, where changed log settings alone do not."""
    needed = 2 * log_size * len(tasks)
    return max(1, -(-needed // _DISK_STEP)) * _DISK_STEP


def unique_volumes(tasks: list[Task]) -> list[Any]:
    """The group's volumes, each once."""
    return list({volume.key: volume for task in tasks for volume in task.volumes}.values())


def _tasks(
    cluster: Cluster,
    groups: tuple[tuple[str, ...], ...],
    role: str,
    core: str,
    profile: Profile | None,
    generations: Mapping[str, int],
) -> dict[str, Task]:
    tasks = {}
    for names in groups:
        _refuse_unknown(cluster, names)
        place = _place(cluster, names, role, core)
        for name in names:
            seat = Seat(role, place, core if role == "core" else role, profile)
            templates = _templates(cluster, name, seat, generations)
            tasks[name] = task(cluster, name, seat, templates, _certificate_mounts(cluster, name))
    return tasks


def _followers(
    cluster: Cluster, job: JobKind, tasks: dict[str, Task], generations: Mapping[str, int]
) -> dict[str, Any]:
    """Puts followers beside what they follow. What a template is given besides: `follower`, their arguments."""
    for name in FOLLOWED.keys() & tasks.keys() if cluster.followed else ():
        more, command = followed(cluster, name, job.job_id, tasks[name], generations)
        tasks.update(more)
        return {"follower": command}
    return {"follower": None}


def _refuse_unknown(cluster: Cluster, names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in cluster.release.components]
    if missing:
        raise SpecError(
            f"release {cluster.release.name} has no component {missing[0]}, which its jobs need",
            "use a release of the topology registry-and-cores",
        )


def _place(cluster: Cluster, names: tuple[str, ...], role: str, core: str) -> Place:
    components = cluster.release.components
    labels = (first_label(name, components[name]) for name in names)
    private = role == "core" and "nginx" not in names
    home = next(filter(None, labels), "") if private else ""
    local = {name for name, facts in components.items() if facts.role == "core" and is_database(facts)}
    line = cluster.file.registry.private_ip
    addresses = {"redis": line} if line and role == "replica" else {}
    return Place(core, home, frozenset(local if role == "core" else ()), addresses)


def _templates(cluster: Cluster, name: str, seat: Seat, generations: Mapping[str, int]) -> tuple[ConfigTemplate, ...]:
    component = cluster.component(name)
    edge = component.role == "edge"
    told = _edge(cluster, seat) if edge else None
    waiting = EDGE if edge else REPLICA if seat.role == "replica" else REGISTRY if name == "register" else USUAL
    said = files(cluster, name, seat.role, told)
    blocks = config_templates(cluster, component, said, seat.place, waiting, generations)
    return (*blocks, *(certificate_templates(cluster) if edge else ()), *pull_credentials(cluster, generations))


def _edge(cluster: Cluster, seat: Seat) -> Edge:
    weight = seat.profile.canary_weight if seat.profile else 0
    if seat.role == "single" and cluster.deployed_cores:
        weight = cluster.deployed_cores[0].profile.canary_weight
    tls = cluster.file.tls
    if tls.source != "path":
        return Edge(canary_weight=weight)
    certificate, key = _inside(tls.certificate_path, 0), _inside(tls.key_path, 1)
    return Edge(canary_weight=weight, certificate=certificate, key=key)


def _inside(path: str, which: int) -> str:
    return f"{_CERTIFICATE_FOLDERS[which]}/{posixpath.basename(path)}"


def _certificate_mounts(cluster: Cluster, name: str) -> tuple[Mount, ...]:
    """The folders of certificate and key on the machine; a folder, because a renewed file is a new inode."""
    tls = cluster.file.tls
    if cluster.component(name).role != "edge" or tls.source != "path":
        return ()
    paths = (tls.certificate_path, tls.key_path)
    return tuple(
        Mount(posixpath.dirname(path), folder, True) for path, folder in zip(paths, _CERTIFICATE_FOLDERS, strict=True)
    )
