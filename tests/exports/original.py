"""The original's docker-compose files, and what ours say otherwise on purpose."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ASPECTS = ("image", "container_name", "networks", "ports", "volumes", "environment", "restart")
"""What must be equal, service by service."""

Differences = dict[str, tuple[Any, Any]]
"""`service.aspect` → (only in the original, only in ours)."""

_REDIRECT = ([], ["80:80"])
# HOSTNAME goes to every component with a log; the original forgets some.
_HOSTNAME = ([], ["HOSTNAME=HOSTNAME"])


DELIBERATE: dict[str, Differences] = {
    "core": dict.fromkeys(("reverse_proxy.environment", "webhooks.environment"), _HOSTNAME),
    "reg-master": {
        **{f"{name}.environment": _HOSTNAME for name in ("reverse_proxy", "redis", "mail")},
        # The front end of config-leader has nothing to edit (registry.admin_panel.enabled brings it back).
        "admin_panel": ("there", "absent"),
        # The replica's machine reaches them over the private line: in the original redis is a comment to be
        # uncommented, and the second edge serves nothing.
        "redis.ports": ([], ["10.0.0.10:6379:6379"]),
        "register.ports": ([], ["10.0.0.10:9000:9000"]),
    },
    "reg-slave": dict.fromkeys(("reverse_proxy.environment", "redis.environment"), _HOSTNAME),
    # HTTP is redirected on every machine.
    "static": {"reverse_proxy.ports": _REDIRECT, "reverse_proxy.environment": _HOSTNAME},
    "singlenode": {
        **{f"{name}.environment": _HOSTNAME for name in ("reverse_proxy", "redis", "mongodb")},
        "reverse_proxy.ports": _REDIRECT,
        "admin_panel": ("there", "absent"),
        # dns is on the same networks on every machine.
        "dns.networks": ([], ["frontend"]),
    },
}


def services(text: str, addresses: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The services of a compose file, each aspect in one form; `addresses` fills config-leader's variables."""
    for name, address in addresses.items():
        text = text.replace(name, address)
    return {name: _aspects(service) for name, service in yaml.safe_load(text)["services"].items()}


def _aspects(service: dict[str, Any]) -> dict[str, Any]:
    environment = service.get("environment") or []
    if isinstance(environment, dict):
        environment = [f"{name}={value}" for name, value in environment.items()]
    return {
        **service,
        "image": service["image"].removeprefix("docker.io/"),
        "networks": sorted(service.get("networks", [])),
        "ports": sorted(service.get("ports", [])),
        "volumes": sorted(_volume(volume) for volume in service.get("volumes", [])),
        "environment": sorted(re.sub(r"\$\{?HOSTNAME(:-)?\}?", "HOSTNAME", line) for line in environment),
    }


def _volume(volume: str) -> str:
    """One spelling of the root folder, and no slashes at the ends."""
    rooted = re.sub(r"\$\{PRYV_CONF_ROOT(:\?[^}]*)?\}", "ROOT", volume)
    return ":".join(part.rstrip("/") for part in rooted.split(":"))


def differences(theirs: dict[str, Any], ours: dict[str, Any]) -> Differences:
    """Where two sets of services differ."""
    found: Differences = {}
    for name in sorted({*theirs, *ours}):
        if name not in ours or name not in theirs:
            found[name] = ("there", "absent") if name in theirs else ("absent", "there")
            continue
        for aspect in ASPECTS:
            before, after = theirs[name].get(aspect), ours[name].get(aspect)
            if before != after:
                found[f"{name}.{aspect}"] = _only(before, after)
    return found


def _only(before: Any, after: Any) -> tuple[Any, Any]:
    if not isinstance(before, list) or not isinstance(after, list):
        return before, after
    return [item for item in before if item not in after], [item for item in after if item not in before]


def links(text: str) -> dict[str, list[str]]:
    """Service → the services that the original links it to."""
    return {name: service.get("links", []) for name, service in yaml.safe_load(text)["services"].items()}


def read(root: Path, role: str) -> str:
    """The compose file of a role below a config-leader folder."""
    return (root / "data" / role / "pryv.yml").read_text(encoding="utf-8")
