"""Clusters that the tests of the exports share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.load import load_cluster
from pryv_nomad.settings.document import Secret


def cluster_data(settings: dict[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    """Three cores in two hostings, one of them larger, a registry with a replica, a static machine."""
    return {
        "platform": {"domain": "pryv.example", "name": "Pryv Lab"},
        "release": "1.9.2",
        "datacenters": ["dc1"],
        "hostings": {
            "ch": {"datacenter": "dc1", "url": "https://ch.example", "name": "Switzerland"},
            "fr": {"datacenter": "dc1", "url": "https://fr.example", "name": "France"},
        },
        "cores": [
            {"name": "co[1-2]", "hosting": "ch", "ip": ["192.0.2.11", "192.0.2.12"]},
            {"name": "big", "hosting": "fr", "ip": "192.0.2.13", "procs": 8, "hfs_procs": 1},
        ],
        "registry": {"ip": "192.0.2.1", "private_ip": "10.0.0.1", "replica": {"ip": "192.0.2.2"}},
        "static": {"ip": "192.0.2.3"},
        "settings": settings or {},
        **sections,
    }


def single_data(settings: dict[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    """A platform on one machine."""
    return {
        "platform": {"domain": "pryv.example", "name": "Pryv Lab", "single_machine": True},
        "release": "1.9.2",
        "datacenters": ["dc1"],
        "hostings": {"pilot": {"datacenter": "dc1", "url": "https://pryv.example", "name": "Single"}},
        "cores": [{"name": "co1", "hosting": "pilot"}],
        "registry": {"ip": "192.0.2.1"},
        "settings": settings or {},
        **sections,
    }


def written(folder: Path, data: dict[str, Any]) -> Path:
    """A cluster file with `data`."""
    path = folder / "cluster.yml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return path


def loaded(folder: Path, data: dict[str, Any]) -> Cluster:
    """The cluster that a file with `data` describes."""
    return load_cluster([written(folder, data)], env={})


WITH_ADDRESS = """\
platform: {domain: pryv.example, name: Pryv Lab}
release: 1.9.2
datacenters: [dc1]
hostings: {ch: {datacenter: dc1, url: "https://ch.example", name: Switzerland}}
cores: [{name: co1, hosting: ch, ip: 192.0.2.11}]
registry: {ip: 192.0.2.1}
static: {ip: 192.0.2.3}
settings: {EMAIL_SMTP_SETTINGS: {host: mail.example, port: 587, auth: {user: pryv}}}
"""
"""The smallest platform, with mail over an account."""

SECRETS = {
    "SSO_COOKIE_SIGN_SECRET": "ssoSecret0123456789ab",
    "FILES_READ_TOKEN_SECRET": "filesSecret0123456789",
    "CORE_SYSTEM_KEY": "coreSystem0123456789a",
    "CORE_MAIL_KEY": "coreMail0123456789abc",
    "REGISTER_SYSTEM_KEY_1": "registerSystem0123456",
    "REGISTER_ADMIN_KEY": "registerAdmin01234567",
    "EMAIL_SMTP_PASSWORD": "p\"a\\ss '{{ word }}' $HOME ${x} @SECRET0:json:X@ & é = #",
}
"""Values to fill in; the password holds what every reader on the way would take for its own."""


def filled(parts: tuple[str | Secret, ...]) -> str:
    """A file as its component must see it."""
    return "".join(
        part if isinstance(part, str) else json.dumps(SECRETS[part.key], ensure_ascii=False) for part in parts
    )
