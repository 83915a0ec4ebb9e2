"""A release: a named set of component images with their facts, read from a data file.

Nothing in the code knows a release by its number; what a component listens on, how its health is asked, what it keeps
and whether its start migrates data all stand in `pryv_nomad/releases/NAME.yml`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pryv_nomad.model.section import Section


class Port(Section):
    """A port of a component inside its container."""

    port: int = Field(ge=1, le=65535)
    """The first port; where `per_process` is set, one more for each further process."""
    protocol: Literal["tcp", "udp"] = "tcp"
    """Transport."""
    per_process: bool = False
    """One port a process (NUM_PROCS)."""


class Health(Section):
    """How a component's health is asked."""

    type: Literal["http", "tcp", "script", "none"]
    """`script` runs `command` inside the container (Nomad has no udp or redis check)."""
    path: str = ""
    """http: the path, answered with 2xx."""
    port: str = ""
    """Key of `ports`; default: the first."""
    command: tuple[str, ...] = ()
    """script: the argument list; {domain} stands for the platform's domain."""


class Component(Section):
    """One component of a release."""

    image: str
    """`name:tag`, without a host."""
    role: Literal["core", "registry", "static", "edge", "batch", "replaced"]
    """Which machines run it; `replaced`: what Nomad and Consul take over (config-leader, config-follower)."""
    ports: dict[str, Port] = {}
    """Ports by name."""
    health: Health = Health(type="none")
    """How its health is asked."""
    volumes: dict[str, str] = {}
    """Volume (a key of `volumes`) → path inside the container."""
    binds: dict[str, str] = {}
    """Path on the machine → path inside the container (core's /dev/log for the audit log)."""
    configuration: str = ""
    """Folder of its configuration files inside the container; empty where it has none."""
    environment: dict[str, str] = {}
    """Fixed environment."""
    user: str = ""
    """uid:gid of the container's process, which must own its volumes (not an option for Docker)."""
    procs: int = Field(1, ge=1)
    """Processes by default (NUM_PROCS), where it has several."""
    cpu: int = 100
    """MHz by default (a process, where it has several)."""
    memory: int = 128
    """MB by default (a process, where it has several)."""
    singleton: bool = False
    """Never two at once: no canary."""

    @property
    def has_processes(self) -> bool:
        """Whether it runs as several processes, a port each."""
        return any(port.per_process for port in self.ports.values())


class Release(Section):
    """A release file."""

    name: str
    """Its name, as `release:` in a cluster file says it."""
    topology: Literal["registry-and-cores", "single-image"] = "registry-and-cores"
    """How its parts divide over machines: 1.x has a registry beside the cores, 2.x is one image on every core."""
    migrates: bool = False
    """Its core migrates data when it first starts."""
    settings: str
    """Name of the catalogue of platform variables, `pryv_nomad/releases/settings-NAME.yml`."""
    reserved_names: tuple[str, ...] = ()
    """Names in the platform's domain that its own dns takes, so no core can have them."""
    components: dict[str, Component]
    """Components by name: nginx, core, hfs, preview, webhooks, mfa, mongodb, influxdb, register, dns, redis, mail …"""
