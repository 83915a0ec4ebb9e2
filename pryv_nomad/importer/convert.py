"""A config-leader folder → the cluster file of the same platform, with notes on what could not come along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pryv_nomad.importer import secrets as found
from pryv_nomad.importer.leader import PLACEHOLDER, LeaderFolder

SERVICE_COMPONENTS = {"reverse_proxy": "nginx"}
"""docker-compose services whose name is not their component's."""

_MACHINES = frozenset(
    {
        "DOMAIN",
        "PLATFORM_NAME",
        "SINGLE_MACHINE_IP_ADDRESS",
        "SINGLE_MACHINE_PUBLIC_INTERFACE_IP_ADDRESS",
        "STATIC_WEB_IP_ADDRESS",
        "REG_MASTER_IP_ADDRESS",
        "REG_MASTER_VPN_IP_ADDRESS",
        "REG_MASTER_PUBLIC_INTERFACE_IP_ADDRESS",
        "REG_SLAVE_IP_ADDRESS",
        "REG_SLAVE_PUBLIC_INTERFACE_IP_ADDRESS",
        "HOSTINGS_AND_CORES",
        "HOSTINGS_PROVIDERS",
    }
)
_EXAMPLE_DOMAIN = "pryv.example"
_SINGLE_HOSTING = "pilot"
_SINGLE_CORE = "co1"


@dataclass(frozen=True)
class Known:
    """What the release knows: defaults of its platform variables, and the image and NUM_PROCS of its components."""

    defaults: Mapping[str, Any]
    images: Mapping[str, str]
    procs: Mapping[str, int]
    originals: Mapping[str, tuple[str, ...]]


@dataclass
class Imported:
    """The cluster file as plain data in its order of sections, and notes for the operator, a sentence each."""

    document: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def release_of(folder: LeaderFolder) -> str:
    """The platform's release: the tag of its core image, else its template's version."""
    for services in folder.compose.values():
        image = str(services.get("core", {}).get("image", ""))
        if ":" in image:
            return image.rpartition(":")[2]
    return str(folder.variables.get("TEMPLATE_VERSION", ""))


def convert(folder: LeaderFolder, known: Known) -> Imported:
    """The cluster file that describes `folder`'s platform."""
    notes: list[str] = []
    document: dict[str, Any] = {
        "platform": _platform(folder, notes),
        "release": release_of(folder),
        "datacenters": ["dc1"],
        "hostings": _hostings(folder, notes),
        "cores": _cores(folder, known, notes),
        "registry": _registry(folder, notes),
        "static": _static(folder, notes),
        "images": _images(folder, known),
        "tls": {"acme": {"email": folder.acme_email}} if folder.acme_email else {},
        "settings": _settings(folder, known, notes),
    }
    notes.append(
        "hostings: config-leader knows no datacenters, so every hosting is in dc1; name the Nomad datacenter of each"
    )
    notes.extend(_left_behind(folder, known))
    filled = {key: value for key, value in document.items() if value not in ({}, [], None)}
    return Imported(filled, list(dict.fromkeys(notes)))


def _filled(folder: LeaderFolder, name: str, notes: list[str]) -> str:
    """The text of a variable; an empty string, with a note, where it was not filled in."""
    value = folder.variables.get(name)
    if value is None or PLACEHOLDER in str(value):
        notes.append(f"{name}: not filled in in {folder.root}; fill it in in the cluster file")
        return ""
    return str(value)


def _platform(folder: LeaderFolder, notes: list[str]) -> dict[str, Any]:
    platform: dict[str, Any] = {
        "domain": _filled(folder, "DOMAIN", notes) or _EXAMPLE_DOMAIN,
        "name": _filled(folder, "PLATFORM_NAME", notes) or "Pryv.io",
    }
    if folder.single_machine:
        platform["single_machine"] = True
    return platform


def _hostings(folder: LeaderFolder, notes: list[str]) -> dict[str, Any]:
    if folder.single_machine:
        domain = _filled(folder, "DOMAIN", notes) or _EXAMPLE_DOMAIN
        return {_SINGLE_HOSTING: {"datacenter": "dc1", "url": f"http://{domain}", "name": "Single node"}}
    providers = folder.variables.get("HOSTINGS_PROVIDERS") or {}
    hostings: dict[str, Any] = {}
    for key in dict(folder.variables.get("HOSTINGS_AND_CORES") or {}):
        provider = dict(providers.get(key) or {})
        if not provider.get("url"):
            notes.append(f"hostings.{key}.url: config-leader has no provider for it; put the provider's site in")
        hostings[str(key)] = {
            "datacenter": "dc1",
            "url": str(provider.get("url") or "https://hosting.example"),
            "name": str(provider.get("name") or key),
            **({"description": str(provider["description"])} if provider.get("description") else {}),
        }
    return hostings


def _cores(folder: LeaderFolder, known: Known, notes: list[str]) -> list[dict[str, Any]]:
    procs = dict(_procs(folder, known))
    if folder.single_machine:
        address = _filled(folder, "SINGLE_MACHINE_IP_ADDRESS", notes)
        return [{"name": _SINGLE_CORE, "hosting": _SINGLE_HOSTING, **_address(address), **procs}]
    cores = []
    for hosting, members in dict(folder.variables.get("HOSTINGS_AND_CORES") or {}).items():
        for name, core in dict(members or {}).items():
            address = str(dict(core or {}).get("ip") or "")
            if PLACEHOLDER in address:
                notes.append(f"cores: {name} has no address in {folder.root}; it will be found from its Nomad node")
                address = ""
            cores.append({"name": str(name), "hosting": str(hosting), **_address(address), **procs})
    return cores


def _procs(folder: LeaderFolder, known: Known) -> Iterator[tuple[str, int]]:
    for services in folder.compose.values():
        for component, key in (("core", "procs"), ("hfs", "hfs_procs")):
            environment = services.get(component, {}).get("environment") or []
            pairs = (str(line).partition("=") for line in environment)
            count = next((value for name, _, value in pairs if name == "NUM_PROCS"), "")
            if count.isdigit() and int(count) != known.procs.get(component):
                yield key, int(count)


def _registry(folder: LeaderFolder, notes: list[str]) -> dict[str, Any]:
    prefix = "SINGLE_MACHINE" if folder.single_machine else "REG_MASTER"
    address = _filled(folder, f"{prefix}_IP_ADDRESS", notes)
    registry = {**_address(address), **_interface(folder, prefix, address)}
    if folder.single_machine:
        return registry
    private = str(folder.variables.get("REG_MASTER_VPN_IP_ADDRESS") or "")
    if private and PLACEHOLDER not in private:
        registry["private_ip"] = private
    replica = str(folder.variables.get("REG_SLAVE_IP_ADDRESS") or "")
    if replica and PLACEHOLDER not in replica:
        registry["replica"] = {**_address(replica), **_interface(folder, "REG_SLAVE", replica)}
    services = folder.compose.get("reg-master", {})
    if "admin_panel" in services:
        notes.append(
            "admin panel: left out; it edits config-leader's settings, which are in this file now "
            "(registry.admin_panel.enabled brings it back)"
        )
    return registry


def _interface(folder: LeaderFolder, prefix: str, address: str) -> dict[str, str]:
    value = str(folder.variables.get(f"{prefix}_PUBLIC_INTERFACE_IP_ADDRESS") or "")
    same = value in ("", address, f"{prefix}_IP_ADDRESS") or PLACEHOLDER in value
    return {} if same else {"interface_ip": value}


def _static(folder: LeaderFolder, notes: list[str]) -> dict[str, Any]:
    prefix = "SINGLE_MACHINE" if folder.single_machine else "STATIC_WEB"
    return _address(_filled(folder, f"{prefix}_IP_ADDRESS", notes))


def _address(address: str) -> dict[str, Any]:
    return {"ip": address} if address else {}


def _images(folder: LeaderFolder, known: Known) -> dict[str, Any]:
    overrides: dict[str, str] = {}
    for services in folder.compose.values():
        for service, description in services.items():
            component = SERVICE_COMPONENTS.get(service, service)
            image = str(description.get("image", "")).removeprefix("docker.io/")
            if component in known.images and image and image != known.images[component]:
                overrides[component] = image
    return {"overrides": dict(sorted(overrides.items()))} if overrides else {}


def _settings(folder: LeaderFolder, known: Known, notes: list[str]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for name, value in folder.variables.items():
        if name in _MACHINES or name in found.VARIABLES or value == known.defaults.get(name, _Missing):
            continue
        if name not in known.defaults:
            notes.append(f"{name}: not a platform variable of release {release_of(folder)}; left out")
            continue
        kept = found.without_secrets(name, value)
        if PLACEHOLDER in str(kept):
            notes.append(f"{name}: not filled in in {folder.root}; left at its default")
            continue
        if kept != known.defaults[name]:
            settings[name] = kept
    return settings


class _Missing:
    """Stands for "no default", which no value of a file equals."""


def _left_behind(folder: LeaderFolder, known: Known) -> Iterator[str]:
    if folder.followers:
        yield "config-leader and its followers: not needed any more; Nomad distributes the configuration"
    secrets = sorted(found.secrets_of(folder))
    if secrets:
        yield f"secrets ({', '.join(secrets)}): store them with `pryv-nomad secrets init --from {folder.root}`"
    for path, digest in folder.digests.items():
        if path.endswith(("pryv.yml", "credentials.txt", ".gitkeep")):
            continue
        if "/secret/" in path or path.endswith((".crt", ".pem", ".key")):
            yield f"data/{path}: certificate material; store it with `pryv-nomad secrets tls CERT KEY`"
        elif path not in known.originals:
            yield f"data/{path}: not a file of the release's template; its content is not carried over"
        elif digest not in known.originals[path]:
            yield f"data/{path}: differs from the release's template; what was changed by hand is not carried over"
