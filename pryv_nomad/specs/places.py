"""Where components listen: port labels, Consul service names and tags, said in one place for all who ask.

Services are shared by all cores of a platform and told apart by tags: a core's instances carry its name, the others the
role of their machine. A canary's tags replace these, so that nobody follows it before it is promoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pryv_nomad.model.release import Component, Release
from pryv_nomad.specs.escape import VARIABLE

CORE = VARIABLE.format("core")
"""The tag of a core's instances: its name, which only the HCL variable `core` knows."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a component's configuration file may know of its surroundings.

    `core`: the tag of the core it belongs to or stands before. `home`: label of one of its group's own ports on the
    private network, whose address is the node's; empty where the group has none. `local`: components on the same node
    with a static port. `addresses`: components whose host the cluster file says. `replica`: it is the machine of the
    registry's replica.
    """

    core: str = CORE
    home: str = ""
    local: frozenset[str] = field(default=frozenset())
    addresses: Mapping[str, str] = field(default_factory=dict)
    replica: bool = False


def is_database(component: Component) -> bool:
    """Whether the component keeps the platform's data behind a port of its own: then the port is static, it is never
    canaried nor rolled back by Nomad, and it gets time to stop."""
    return component.singleton and bool(component.volumes) and bool(component.ports)


def label(component: str, port: str, process: int | None = None) -> str:
    """Nomad's label of a component's port; the environment of the tasks says it as NOMAD_HOST_IP_LABEL."""
    return f"{component}_{port}" + ("" if process is None else f"_{process}")


def first_label(name: str, component: Component) -> str:
    """Label of the component's first port, empty where it has none."""
    for port, facts in component.ports.items():
        return label(name, port, 0 if facts.per_process else None)
    return ""


def service_name(release: Release, component: str, port: str) -> str:
    """Consul's name for a component's port: `pryv-COMPONENT` where it has one, `pryv-COMPONENT-PORT` where it has
    several. NATS is `pryv-nats`, since it is what it is wherever it runs. `pryv-core` is kept for the list of cores."""
    if port == "nats":
        return "pryv-nats"
    name = component.replace("_", "-")
    return f"pryv-{name}" if len(release.components[component].ports) == 1 else f"pryv-{name}-{port}"


def tag(release: Release, component: str, core: str) -> str:
    """The tag under which a component's instances are looked for."""
    role = release.components[component].role
    return core if role == "core" else role
