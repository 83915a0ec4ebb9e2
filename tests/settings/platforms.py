"""Clusters and hole values that the tests of the settings share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.load import load_cluster
from pryv_nomad.settings.document import (
    ConfigFile,
    Endpoint,
    Hole,
    Hostings,
    MachineAddress,
    Providers,
    Secret,
    Upstream,
)
from pryv_nomad.settings.files import files

HOSTINGS = {"ch": {"co1": {"ip": "192.0.2.11"}}, "fr": {"co2": {"ip": "192.0.2.12"}}}
PROVIDERS = {
    "ch": {"url": "https://ch.example", "name": "Switzerland", "description": "Europe - Switzerland"},
    "fr": {"url": "https://fr.example", "name": "France", "description": "Europe - France"},
}
SECRETS = {
    "SSO_COOKIE_SIGN_SECRET": "ssoSecret0123456789ab",
    "FILES_READ_TOKEN_SECRET": "filesSecret0123456789",
    "CORE_SYSTEM_KEY": "coreSystem0123456789a",
    "CORE_MAIL_KEY": "coreMail0123456789abc",
    "REGISTER_SYSTEM_KEY_1": "registerSystem0123456",
    "REGISTER_ADMIN_KEY": "registerAdmin01234567",
    "EMAIL_SMTP_PASSWORD": 'p"a\\ss\n{{ word }}',
}
# Where the original's components find each other: the container's name and its own port.
CONTAINERS = {"core": 3000, "mongodb": 27017, "influxdb": 8086, "register": 9000, "mail": 9000, "redis": 6379}
PORTS = {"nats": 4222}


def cluster(folder: Path, settings: dict[str, Any] | None = None, **sections: Any) -> Cluster:
    """Two cores in two hostings, a registry with a replica, a static machine, all with their addresses."""
    data: dict[str, Any] = {
        "platform": {"domain": "pryv.example", "name": "Pryv Lab"},
        "release": "1.9.2",
        "datacenters": ["dc1"],
        "hostings": {key: {"datacenter": "dc1", **provider} for key, provider in PROVIDERS.items()},
        "cores": [
            {"name": name, "hosting": hosting, **core}
            for hosting, cores in HOSTINGS.items()
            for name, core in cores.items()
        ],
        "registry": {"ip": "192.0.2.1", "private_ip": "10.0.0.1", "replica": {"ip": "192.0.2.2"}},
        "static": {"ip": "192.0.2.3"},
        "settings": settings or {},
    }
    return written(folder, data | sections)


def single(folder: Path, settings: dict[str, Any] | None = None, **sections: Any) -> Cluster:
    """A platform on one machine."""
    data: dict[str, Any] = {
        "platform": {"domain": "pryv.example", "name": "Pryv Lab", "single_machine": True},
        "release": "1.9.2",
        "datacenters": ["dc1"],
        "hostings": {"pilot": {"datacenter": "dc1", "url": "https://pryv.example", "name": "Single node Core"}},
        "cores": [{"name": "co1", "hosting": "pilot", "ip": "192.0.2.1"}],
        "registry": {"ip": "192.0.2.1"},
        "settings": settings or {},
    }
    return written(folder, data | sections)


def written(folder: Path, data: dict[str, Any]) -> Cluster:
    """The cluster that a file with `data` describes."""
    path = folder / "cluster.yml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return load_cluster([path], env={})


def original(hole: Hole) -> str:
    """What stands in the hole's place where the original's containers run."""
    match hole:
        case Secret():
            return json.dumps(SECRETS[hole.key]) if hole.quoted else SECRETS[hole.key]
        case Endpoint():
            port = PORTS.get(hole.port) or CONTAINERS[hole.component]
            return {"host": hole.component, "port": str(port), "address": f"{hole.component}:{port}"}[hole.part]
        case Hostings():
            return json.dumps(HOSTINGS)
        case Providers():
            return hole.known
        case MachineAddress():
            return {"registry": "192.0.2.1", "replica": "192.0.2.2", "static": "192.0.2.3"}[hole.role]
        case Upstream():
            return "server 127.0.0.1:9 down;"


def filled(file: ConfigFile, answer: Callable[[Hole], str] = original) -> str:
    """The file with its holes filled."""
    return "".join(part if isinstance(part, str) else answer(part) for part in file.parts)


def texts(platform: Cluster, component: str, role: str = "registry") -> dict[str, str]:
    """A component's files by path, filled as the original's containers have them."""
    return {file.path: filled(file) for file in files(platform, component, role)}
