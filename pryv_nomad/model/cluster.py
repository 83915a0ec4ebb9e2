"""The resolved cluster: what everything after the model reads.

Plain frozen dataclasses, because a fleet has up to 10,000 cores and most of them differ in their name only. What cores
may share is their `Profile`: cores with equal profiles share one rendered and parsed job template.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pryv_nomad import __version__
from pryv_nomad.model.file import Acme, ClusterFile, Constraint, Hosting, Machine, Volume
from pryv_nomad.model.release import Component, Release
from pryv_nomad.model.variables import Catalogue


@dataclass(frozen=True, slots=True)
class Resources:
    """What one task may use: MHz and MB; `memory_max` is 0 where there is no oversubscription."""

    cpu: int
    memory: int
    memory_max: int = 0


@dataclass(frozen=True, slots=True)
class Profile:
    """All that cores may have in common. Hashable; the unit of rendering and parsing.

    `volumes` and `resources` are sorted tuples of pairs (volume key → Volume, component → Resources), so that a profile
    can be a dictionary key; `volume()` and `resource()` look one up.
    """

    datacenter: str
    procs: int
    hfs_procs: int
    canary: int
    canary_weight: int
    pinned_by_name: bool
    node_class: str
    constraints: tuple[Constraint, ...]
    volumes: tuple[tuple[str, Volume], ...]
    resources: tuple[tuple[str, Resources], ...]

    def volume(self, key: str) -> Volume:
        """The volume `key` (`core_data`, `mongodb_data` …)."""
        return dict(self.volumes)[key]

    def resource(self, component: str) -> Resources:
        """What `component` may use."""
        return dict(self.resources)[component]


@dataclass(frozen=True, slots=True)
class Core:
    """One core. `ip` and `node` are empty where they are found from Nomad. `path` is its place in the cluster file."""

    name: str
    hosting: str
    profile: Profile
    ip: str = ""
    node: str = ""
    external: bool = False
    path: str = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One platform, resolved. `settings` holds every platform variable of the release: user's value or default,
    references to other variables replaced; secrets are not in it (see `catalogue`). Where the file does not say a
    machine's address, REG_MASTER_IP_ADDRESS and its like are None, and text that names one keeps the name:
    `catalogue.addresses` has the machine's role for it.

    `file` is what was written, for what needs no resolving (update, lifecycle, logs, network, tls, images …).
    """

    file: ClusterFile
    release: Release
    catalogue: Catalogue
    cores: tuple[Core, ...]
    settings: Mapping[str, Any]
    volumes: tuple[tuple[str, Volume], ...]
    resources: tuple[tuple[str, Resources], ...]
    where: Callable[[str], str] = field(default=str, repr=False, compare=False)
    """Place in a file (`cluster.yml:31:9`) of a place in the model (`cores[2].ip`)."""

    @property
    def domain(self) -> str:
        """The platform's domain."""
        return self.file.platform.domain

    @property
    def hostings(self) -> Mapping[str, Hosting]:
        """Hostings by key."""
        return self.file.hostings

    @property
    def deployed_cores(self) -> tuple[Core, ...]:
        """The cores that run in Nomad."""
        return tuple(core for core in self.cores if not core.external)

    @property
    def acme(self) -> Acme:
        """Renewal of the certificate."""
        return self.file.tls.acme

    def component(self, name: str) -> Component:
        """A component of the release. Raises KeyError."""
        return self.release.components[name]

    def image(self, component: str) -> str:
        """The image of `component`: the override, else the release's, with the registry's host before it."""
        images = self.file.images
        name = images.overrides.get(component) or self.release.components[component].image
        return f"{images.registry}/{name}" if images.registry and component not in images.overrides else name

    @property
    def own_image(self) -> str:
        """The image of this tool, for the jobs that run it; that of this version, with the registry's host before it,
        unless the cluster file names one."""
        images = self.file.images
        name = f"pryv-nomad:{__version__}"
        return images.pryv_nomad or (f"{images.registry}/{name}" if images.registry else name)

    @property
    def followed(self) -> bool:
        """Whether followers run beside the registers and name servers."""
        said = self.file.registry.follower.enabled
        return said if said is not None else self.file.bridge.enabled or self.file.images.pryv_nomad is not None

    def datacenter_of(self, machine: Machine) -> str:
        """The datacenter of a role that is not a core."""
        return machine.datacenter or self.file.datacenters[0]

    def volume(self, key: str) -> Volume:
        """The platform's volume `key`."""
        return dict(self.volumes)[key]

    def resource(self, component: str) -> Resources:
        """What `component` may use where no core says otherwise."""
        return dict(self.resources)[component]
