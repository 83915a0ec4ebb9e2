"""A component of the release as one Nomad task: what `_task.nomad.hcl.j2` and `_group.nomad.hcl.j2` write out.

Everything here is decided from the cluster and the release's facts, so the templates only say how it looks.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from pryv_nomad.model.cluster import Cluster, Profile, Resources
from pryv_nomad.model.file import DATABASE_PATIENCE, Volume
from pryv_nomad.model.release import Component, Health
from pryv_nomad.model.types import seconds
from pryv_nomad.settings import mail
from pryv_nomad.specs.escape import VARIABLE, Raw, interpolated
from pryv_nomad.specs.places import Place, is_database, label, service_name
from pryv_nomad.specs.templates import ConfigTemplate

CSI_SHARED, CSI_SINGLE = "multi-node-multi-writer", "single-node-writer"


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the group: `to` inside the container (0: it is on the host's network), `static` on the node (0: Nomad
    picks one)."""

    label: str
    to: int
    static: int
    host_network: str


@dataclass(frozen=True, slots=True)
class Service:
    """A Consul service of the group; `tag` is what the others look for, `canary_tag` what a canary has in its place.

    `follower`: label of the port at which a follower says whether the edge may lead here, empty without one.
    `advisory`: its check says how things are, and no deployment waits for it.
    """

    name: str
    port: str
    tag: Raw
    canary_tag: Raw
    meta: Mapping[str, Raw]
    health: Health
    task: str
    follower: str = ""
    advisory: bool = False


@dataclass(frozen=True, slots=True)
class VolumeUse:
    """A volume of the group and where the task mounts it."""

    key: str
    type: str
    source: Raw
    target: str
    access_mode: str


@dataclass(frozen=True, slots=True)
class Mount:
    """A bind mount; `source` is relative to the task's own folder, or a path of the node."""

    source: str
    target: str
    readonly: bool


@dataclass(frozen=True, slots=True)
class Task:
    """One task. `environment` values and `image` are text; everything free-form reaches it through `templates`."""

    name: str
    image: str
    ports: tuple[Port, ...]
    services: tuple[Service, ...]
    volumes: tuple[VolumeUse, ...]
    templates: tuple[ConfigTemplate, ...]
    mounts: tuple[Mount, ...]
    environment: Mapping[str, str | Raw]
    resources: Resources
    kill_timeout: str
    database: bool
    singleton: bool
    vault: bool


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a task stands: its `role` (core, registry, replica, static, or single for a whole machine), what it looks
    up (`place`), its consumers' `tag`, and the profile of its core where it has one."""

    role: str
    place: Place
    tag: str
    profile: Profile | None = None


def task(
    cluster: Cluster, name: str, seat: Seat, templates: tuple[ConfigTemplate, ...], mounts: tuple[Mount, ...] = ()
) -> Task:
    """The task of component `name`; `templates` are its rendered files, `mounts` what it needs besides the usual."""
    component = cluster.component(name)
    ports = tuple(_ports(cluster, name, component, seat))
    database = is_database(component)
    return Task(
        name=name.replace("_", "-"),
        image=cluster.image(name),
        ports=ports,
        services=tuple(_services(cluster, name, component, seat)),
        volumes=tuple(_volumes(cluster, component, seat)),
        templates=templates,
        mounts=(*_mounts(name, component, templates), *mounts),
        environment=_environment(name, component, seat),
        resources=seat.profile.resource(name) if seat.profile else cluster.resource(name),
        kill_timeout=_kill_timeout(cluster, database),
        database=database,
        singleton=component.singleton,
        vault=component.role == "edge" and cluster.file.tls.source == "vault",
    )


def processes(name: str, component: Component, seat: Seat) -> int:
    """How many processes the component runs."""
    if not any(port.per_process for port in component.ports.values()):
        return 1
    if seat.profile is None:
        return component.procs
    return seat.profile.hfs_procs if name == "hfs" else seat.profile.procs


def _ports(cluster: Cluster, name: str, component: Component, seat: Seat) -> list[Port]:
    network = cluster.file.network
    public = component.role == "edge" or _is_name_server(component)
    host_network = network.public or "" if public else "" if network.allow_public_backends else network.private
    ports = []
    for key, port in component.ports.items():
        numbers = range(processes(name, component, seat)) if port.per_process else [None]
        for number in numbers:
            to = port.port + (number or 0)
            static = 53 if _is_name_server(component) else to if public or is_database(component) else 0
            ports.append(Port(label(name, key, number), to, static, host_network))
    return ports


def _is_name_server(component: Component) -> bool:
    """The world asks it at port 53, whatever it listens on in its container."""
    return any(port.protocol == "udp" for port in component.ports.values())


def _services(cluster: Cluster, name: str, component: Component, seat: Seat) -> list[Service]:
    asked = component.health.port or next(iter(component.ports), "")
    mine, canary = interpolated(seat.tag), interpolated(f"{seat.tag}-canary")
    meta = {key: interpolated(VARIABLE.format(key)) for key in ("core", "hosting")} if seat.profile else {}
    services = []
    for key, port in component.ports.items():
        if component.role == "edge" and key != asked:
            continue
        service = "pryv-edge" if component.role == "edge" else service_name(cluster.release, name, key)
        health = _health(cluster, component.health) if key == asked else Health(type="none")
        for number in range(processes(name, component, seat)) if port.per_process else [None]:
            services.append(
                Service(service, label(name, key, number), mine, canary, meta, health, name.replace("_", "-"))
            )
    return services


def _health(cluster: Cluster, health: Health) -> Health:
    command = tuple(argument.replace("{domain}", cluster.domain) for argument in health.command)
    return health.model_copy(update={"command": command})


def _volumes(cluster: Cluster, component: Component, seat: Seat) -> list[VolumeUse]:
    uses = []
    for key, target in component.volumes.items():
        volume: Volume = seat.profile.volume(key) if seat.profile else cluster.volume(key)
        source = interpolated(volume.source.replace("{core}", VARIABLE.format("core")))
        uses.append(VolumeUse(key, volume.type, source, target, CSI_SHARED if key == "core_data" else CSI_SINGLE))
    return uses


def _mounts(name: str, component: Component, templates: tuple[ConfigTemplate, ...]) -> list[Mount]:
    """Folders rather than files, which would keep their old content: a changed file is a new inode."""
    folders = sorted({file.folder for file in templates if file.folder})
    mounts = [Mount(folder, component.configuration, True) for folder in folders]
    if name == "mail":
        # service-mail has its templates beside its program.
        mounts += [Mount(f"{folder}/{mail.TEMPLATES}", "/app/bin/templates", True) for folder in folders]
    if component.configuration:
        # The allocation's own folder is writable for every user and survives a restart of the task.
        mounts.append(Mount("../alloc/data", posixpath.join(posixpath.dirname(component.configuration), "log"), False))
    return mounts + [Mount(source, target, False) for source, target in component.binds.items()]


def _environment(name: str, component: Component, seat: Seat) -> dict[str, str | Raw]:
    environment: dict[str, str | Raw] = dict(component.environment)
    if any(port.per_process for port in component.ports.values()):
        environment["NUM_PROCS"] = str(processes(name, component, seat))
    if component.configuration:
        environment["HOSTNAME"] = Raw('"${node.unique.name}"')
    return dict(sorted(environment.items()))


def _kill_timeout(cluster: Cluster, database: bool) -> str:
    usual = cluster.file.lifecycle.kill_timeout
    return f"{seconds(usual) * DATABASE_PATIENCE:g}s" if database else usual
