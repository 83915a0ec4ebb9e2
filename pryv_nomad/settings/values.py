"""What the components' files take from the cluster: platform variables as data, and addresses of machines."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings.document import Endpoint, MachineAddress, Part
from pryv_nomad.settings.serialize import Text, text

Role = Literal["registry", "replica", "static"]

_ADDRESSES: dict[Role, str] = {
    "registry": "REG_MASTER_IP_ADDRESS",
    "replica": "REG_SLAVE_IP_ADDRESS",
    "static": "STATIC_WEB_IP_ADDRESS",
}


def value(cluster: Cluster, name: str) -> Any:
    """The value of the variable `name` as data, with holes where it names a machine whose address is not known."""
    variable = cluster.catalogue.variables[name]
    found = cluster.settings[name]
    if variable.type == "json-text":
        return json.loads(found)
    return addressed(cluster, found) if variable.expands else found


def literal(cluster: Cluster, name: str) -> str:
    """The value of a text variable to the letter, for files that are nothing but it."""
    return str(cluster.settings[name])


def sequence(cluster: Cluster, name: str) -> list[Any]:
    """The value of the list variable `name`, never null: the register refuses to start where `dns.mail` is no array."""
    return list(value(cluster, name) or [])


def address(cluster: Cluster, role: Role) -> str | MachineAddress:
    """Public address of the machine of `role` (`registry`, `replica`, `static`): the cluster file's, else a hole.

    A platform on one machine has one address, and one without a replica has its second name server on the registry.
    """
    single = cluster.file.platform.single_machine
    if single or (role == "replica" and cluster.file.registry.replica is None):
        role = "registry"
    known = cluster.settings[_ADDRESSES[role]]
    return MachineAddress(role, cluster.domain) if known is None else str(known)


def addressed(cluster: Cluster, found: Any) -> Any:
    """`found` with addresses in place of the variables that the model left in it, at any depth."""
    match found:
        case str():
            return _addressed_string(cluster, found)
        case Mapping():
            return {key: addressed(cluster, item) for key, item in found.items()}
        case list() | tuple():
            return [addressed(cluster, item) for item in found]
        case _:
            return found


def _addressed_string(cluster: Cluster, found: str) -> str | Text:
    roles = cluster.catalogue.addresses
    words = re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(sorted(roles))})(?![A-Za-z0-9_])")
    parts: list[Part] = []
    end = 0
    for word in words.finditer(found):
        parts += [found[end : word.start()], address(cluster, roles[word[0]])]
        end = word.end()
    return text(*parts, found[end:]) if parts else found


def domain_name(cluster: Cluster, host: str) -> str:
    """`host` in the platform's domain, such as reg.DOMAIN."""
    return f"{host}.{cluster.domain}"


def service_url(cluster: Cluster, host: str, component: str, path: str = "") -> str | Text:
    """Where a component of a core calls one of the registry: by its public name over TLS, or on a platform of one
    machine, where both stand side by side, directly over HTTP."""
    if cluster.file.platform.single_machine:
        return text("http://", Endpoint(component, "http"), path)
    return f"https://{domain_name(cluster, host)}{path}"


def service_info_url(cluster: Cluster) -> str | Text:
    """Where the service information is read."""
    return service_url(cluster, "reg", "register", "/service/info")


def nats_url() -> Text:
    """The messages of the core's own NATS."""
    return text("nats://", Endpoint("core", "nats"))


def mongodb(**more: Any) -> dict[str, Any]:
    """The database section of the components that name their database (hfs knows its name by itself)."""
    return {"host": Endpoint("mongodb", "mongodb", "host"), "port": Endpoint("mongodb", "mongodb", "port"), **more}


def influxdb() -> dict[str, Any]:
    """The section of the series database."""
    return {"host": Endpoint("influxdb", "http", "host"), "port": Endpoint("influxdb", "http", "port")}


def file_log(cluster: Cluster, component: str) -> dict[str, Any]:
    """The log file of a component that rotates it itself."""
    rotation = {
        "isActive": value(cluster, "LOG_ROTATION_ACTIVE"),
        "days": value(cluster, "LOG_ROTATION_DAYS"),
    }
    return {"active": True, "level": "info", "path": f"/app/log/{component}.log", "rotation": rotation}


USER_FILES = {"path": "/app/data/users"}
EVENT_FILES = {"attachmentsDirPath": "/app/data/attachments", "previewsDirPath": "/app/data/previews"}
DATABASE_NAME = "pryv-node"
