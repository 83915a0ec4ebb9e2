"""Which components run on which machines, with all that a target needs to know of them: the view the targets share.

Pure: made of the cluster and the target's host names. Cores are grouped by what they have in common, so a fleet is
described once a group and not once a core.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from pryv_nomad.errors import ClusterFileError, Problem, SpecError
from pryv_nomad.exports.holes import Host, Surroundings, asked, fill, missing, processes, require_addresses
from pryv_nomad.model.cluster import Cluster, Core, Profile, Resources
from pryv_nomad.model.file import Volume
from pryv_nomad.model.release import Component, Health
from pryv_nomad.settings import mail
from pryv_nomad.settings.document import Secret
from pryv_nomad.settings.files import files
from pryv_nomad.settings.nginx_blocks import Edge

CORE = ("core", "hfs", "preview", "webhooks", "mfa", "mongodb", "influxdb")
"""What a core consists of, besides its edge."""
MAIL_TEMPLATES = "/app/bin/templates"


@dataclass(frozen=True, slots=True)
class File:
    """A configuration file: its absolute path in the container, and its text, in which only secrets are holes."""

    target: str
    parts: tuple[str | Secret, ...]

    @property
    def secrets(self) -> tuple[str, ...]:
        """Keys of the secrets in it, each once."""
        return tuple(dict.fromkeys(part.key for part in self.parts if isinstance(part, Secret)))


@dataclass(frozen=True, slots=True)
class Port:
    """A port in the container; `published` is its number on the machine, 0 where it stays inside. `address`: the one of
    the machine's addresses that it is published on, empty for all."""

    name: str
    number: int
    protocol: str = "tcp"
    published: int = 0
    address: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A component on a machine. `role` is the machine's; `needs` are the components whose address its files hold;
    `volumes` says for each volume's key where it is mounted; `database`: it keeps the platform's data, never twice."""

    component: str
    role: str
    facts: Component
    image: str
    ports: tuple[Port, ...]
    volumes: Mapping[str, tuple[Volume, str]]
    environment: Mapping[str, str]
    files: tuple[File, ...]
    health: Health
    resources: Resources
    needs: frozenset[str]
    replicas: int = 1

    @property
    def database(self) -> bool:
        """Whether it keeps the platform's data behind a port of its own."""
        return self.facts.singleton and bool(self.facts.volumes) and bool(self.facts.ports)

    @property
    def edge(self) -> bool:
        """Whether it is the machine's nginx."""
        return self.facts.role == "edge"

    @property
    def configuration(self) -> str:
        """Its configuration folder in the container, empty where it has none."""
        return self.facts.configuration

    @property
    def log(self) -> str:
        """The folder of its log files, empty where it writes none."""
        return posixpath.join(posixpath.dirname(self.configuration), "log") if self.configuration else ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Keys of the secrets in its files, each once."""
        return tuple(dict.fromkeys(key for file in self.files for key in file.secrets))


@dataclass(frozen=True, slots=True)
class Machine:
    """The services of a machine of `role` (core, registry, replica, static, single). `cores`: those which are all made
    like this, for a core's machine and a single one."""

    role: str
    services: tuple[Service, ...]
    cores: tuple[Core, ...] = ()

    def service(self, component: str) -> Service:
        """The service of `component`. Raises KeyError."""
        return {service.component: service for service in self.services}[component]


@dataclass(frozen=True, slots=True)
class Target:
    """What a target says for the view: its host names, and where its edges find certificate and key."""

    host: Host
    edge: Edge = field(default_factory=Edge)


def machines(cluster: Cluster, target: Target) -> tuple[Machine, ...]:
    """All machines of the platform, cores first. Raises ClusterFileError for addresses that the file does not say,
    SpecError for a release whose parts are not known."""
    require_addresses(cluster)
    return tuple(_machines(cluster, target))


def _machines(cluster: Cluster, target: Target) -> Iterator[Machine]:
    deployed = cluster.deployed_cores
    if cluster.file.platform.single_machine:
        if not deployed:
            raise ClusterFileError([Problem("cores", "none to export", cluster.where("cores"), "leave out `external`")])
        yield _machine(cluster, target, "single", _single(cluster), deployed[0].profile, deployed[:1])
        return
    groups: dict[Profile, list[Core]] = {}
    for core in deployed:
        groups.setdefault(core.profile, []).append(core)
    for profile, cores in groups.items():
        yield _machine(cluster, target, "core", ("nginx", *CORE), profile, tuple(cores))
    yield _machine(cluster, target, "registry", ("nginx", *_registry(cluster)))
    if cluster.file.registry.replica is not None:
        dns = ("dns",) if cluster.file.registry.dns.enabled else ()
        yield _machine(cluster, target, "replica", ("nginx", *dns, "redis"))
    yield _machine(cluster, target, "static", ("nginx", "app_web_auth3"))


def _registry(cluster: Cluster) -> tuple[str, ...]:
    registry = cluster.file.registry
    optional = {"dns": registry.dns, "mail": registry.mail, "admin_panel": registry.admin_panel}
    return ("register", "redis", *(name for name, switch in optional.items() if switch.enabled))


def _single(cluster: Cluster) -> tuple[str, ...]:
    return ("nginx", *CORE, *_registry(cluster), "app_web_auth3")


def _machine(
    cluster: Cluster,
    target: Target,
    role: str,
    components: tuple[str, ...],
    profile: Profile | None = None,
    cores: tuple[Core, ...] = (),
) -> Machine:
    absent = [name for name in components if name not in cluster.release.components]
    if absent:
        raise SpecError(
            f"release {cluster.release.name} has no component {absent[0]}, which a {role} machine needs",
            "export a release of the topology registry-and-cores",
        )
    around = Surroundings(cluster, role, target.host, profile)
    return Machine(role, tuple(_service(name, around, target) for name in components), cores)


def _service(name: str, around: Surroundings, target: Target) -> Service:
    cluster, profile = around.cluster, around.profile
    facts = cluster.component(name)
    written = files(cluster, name, around.role, target.edge)
    volumes = dict(profile.volumes if profile else cluster.volumes)
    command = tuple(word.replace("{domain}", cluster.domain) for word in facts.health.command)
    return Service(
        component=name,
        role=around.role,
        facts=facts,
        image=cluster.image(name),
        ports=tuple(_ports(name, facts, around)),
        volumes={key: (volumes[key], path) for key, path in facts.volumes.items()},
        environment=_environment(name, facts, around),
        files=tuple(File(_path(name, facts, file.path), fill(file, around)) for file in written),
        health=facts.health.model_copy(update={"command": command}),
        resources=_resources(name, around),
        needs=asked(written),
        replicas=cluster.file.registry.register_.instances if name == "register" else 1,
    )


def _path(name: str, facts: Component, path: str) -> str:
    """Where a file stands in the container; service-mail has its templates beside its program."""
    if name == "mail" and path.startswith(f"{mail.TEMPLATES}/"):
        return MAIL_TEMPLATES + path.removeprefix(mail.TEMPLATES)
    return posixpath.join(facts.configuration, path)


def _resources(name: str, around: Surroundings) -> Resources:
    """As the core's profile or the platform says; an edge counts as the platform's where its profile has none."""
    found = dict(around.profile.resources) if around.profile else {}
    return found.get(name) or around.cluster.resource(name)


def _environment(name: str, facts: Component, around: Surroundings) -> dict[str, str]:
    found = dict(facts.environment)
    if facts.has_processes:
        found["NUM_PROCS"] = str(processes(around.cluster, name, around.profile))
    return dict(sorted(found.items()))


def _ports(name: str, facts: Component, around: Surroundings) -> Iterator[Port]:
    for key, port in facts.ports.items():
        count = processes(around.cluster, name, around.profile) if port.per_process else 1
        for number in range(port.port, port.port + count):
            label = f"{key}-{number - port.port}" if port.per_process else key
            if facts.role == "edge":
                yield Port(label, number, port.protocol, number)
            elif port.protocol == "udp":
                # The world asks a name server at port 53, whatever it listens on in its container.
                yield Port(label, number, port.protocol, 53, interface(around.cluster, around.role))
            else:
                yield Port(label, number, port.protocol)


def interface(cluster: Cluster, role: str) -> str:
    """The address of the interface that dns of `role` is bound to, empty where the cluster file says none."""
    registry = cluster.file.registry
    machine = registry.replica if role == "replica" and registry.replica is not None else registry
    return machine.interface_ip or machine.ip or ""


def private_line(cluster: Cluster) -> str:
    """The registry's private address, at which its replica reaches it. Raises ClusterFileError where it is not said."""
    line = cluster.file.registry.private_ip
    if not line:
        raise missing("registry.private_ip", "the replica's machine reaches redis and the registers there")
    return line


def without_private_line(cluster: Cluster) -> Cluster:
    """The cluster for a target whose network spans the machines: the replica reaches the registry's redis by name."""
    registry = cluster.file.registry.model_copy(update={"private_ip": None})
    return replace(cluster, file=cluster.file.model_copy(update={"registry": registry}))


def secret_keys(platform: tuple[Machine, ...]) -> tuple[str, ...]:
    """Keys of the secrets that some file of the platform holds, each once."""
    services = (service for machine in platform for service in machine.services)
    return tuple(dict.fromkeys(key for service in services for key in service.secrets))
