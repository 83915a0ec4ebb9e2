"""Who reaches whom: Services, the Ingress, and NetworkPolicies that let in those who ask and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pryv_nomad.exports.kubernetes.names import APP, TLS, Seat, selector, shortened
from pryv_nomad.exports.roles import Machine
from pryv_nomad.model.cluster import Cluster

_HTTPS = {
    "nginx.ingress.kubernetes.io/backend-protocol": "HTTPS",
    "nginx.ingress.kubernetes.io/proxy-body-size": "0",
}
_HTTPS_SERVICE = {"traefik.ingress.kubernetes.io/service.serversscheme": "https"}
"""What the two usual controllers need to know, since the edges speak TLS; others have words of their own for it."""


def services(seat: Seat) -> Iterator[dict[str, Any]]:
    """A service's Service, none where it listens nowhere."""
    service = seat.service
    if not service.ports:
        return
    metadata = seat.metadata()
    spec: dict[str, Any] = {"selector": seat.selector, "ports": _ports(seat)}
    if service.database:
        spec["clusterIP"] = "None"
    elif _public(seat):
        spec |= {"type": "LoadBalancer", "externalTrafficPolicy": "Local", **_address(seat)}
    elif service.edge:
        metadata["annotations"] = dict(_HTTPS_SERVICE)
    yield {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _public(seat: Seat) -> bool:
    """Name servers and cores' edges have addresses of their own: dns says to every user that of their core."""
    return any(port.protocol == "udp" for port in seat.service.ports) or (
        seat.service.edge and seat.machine.role == "core"
    )


def _address(seat: Seat) -> dict[str, str]:
    """The address of the cluster file."""
    registry = seat.cluster.file.registry
    known = {
        "core": seat.marked.ip,
        "registry": registry.ip,
        "single": registry.ip,
        "replica": registry.replica.ip if registry.replica else None,
    }[seat.machine.role]
    return {"loadBalancerIP": known} if known else {}


def _ports(seat: Seat) -> list[dict[str, Any]]:
    return [
        {
            "name": port.name,
            "port": port.published or port.number,
            "targetPort": port.number,
            "protocol": port.protocol.upper(),
        }
        for port in seat.service.ports
    ]


# -- ingress -----------------------------------------------------------------------------------------------------------


def ingress(seat: Seat) -> dict[str, Any] | None:
    """The Ingress before an edge that is not a core's: which names lead to it."""
    hosts = _hosts(seat.cluster, seat.machine.role)
    if not seat.service.edge or not hosts:
        return None
    backend = {"service": {"name": seat.name, "port": {"name": "https"}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {**seat.metadata(), "annotations": dict(_HTTPS)},
        "spec": {
            "tls": [{"hosts": hosts, "secretName": TLS}],
            "rules": [{"host": host, "http": {"paths": [path]}} for host in hosts],
        },
    }


def _hosts(cluster: Cluster, role: str) -> list[str]:
    registry = cluster.file.registry
    optional = {"mail": registry.mail.enabled, "adm": registry.admin_panel.enabled}
    names = {
        "registry": ["reg", "access", "service", *(name for name, there in optional.items() if there)],
        "static": ["sw", "mfa"],
        # All users are on the one core.
        "single": ["*"],
    }.get(role, [])
    return [f"{name}.{cluster.domain}" for name in names]


# -- policies ----------------------------------------------------------------------------------------------------------


def nothing_in() -> dict[str, Any]:
    """What is not allowed below is not let in, in the whole namespace."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "nothing-in", "labels": {"app.kubernetes.io/name": APP}},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
    }


def policies(seat: Seat, platform: tuple[Machine, ...]) -> Iterator[dict[str, Any]]:
    """Who may reach a service: everybody its public ports, and those whose files name its address the others."""
    service = seat.service
    if not service.ports:
        return
    rule: dict[str, Any] = {
        "ports": [{"port": port.number, "protocol": port.protocol.upper()} for port in service.ports]
    }
    if not any(port.published for port in service.ports):
        askers = [{"podSelector": {"matchLabels": labels}} for labels in _askers(seat, platform)]
        if not askers:
            return
        rule["from"] = askers
    yield {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": seat.metadata(),
        "spec": {
            "podSelector": {"matchLabels": seat.selector},
            "policyTypes": ["Ingress"],
            "ingress": [rule],
        },
    }


def _askers(seat: Seat, platform: tuple[Machine, ...]) -> Iterator[dict[str, str]]:
    """The pods of the same core, or the same part of the platform, that ask the service."""
    name, role = seat.service.component, seat.machine.role
    near = (seat.machine,) if role in ("core", "single") else tuple(other for other in platform if other.role != "core")
    for machine in near:
        for other in machine.services:
            itself = machine.role == role and other.component == name
            if name in other.needs and not itself and _asks_this(other.component, machine.role, name, role):
                yield selector(seat.marked, machine.role, other.component)


def _asks_this(asker: str, asker_role: str, name: str, role: str) -> bool:
    """Of the two redis, each dns asks that of its own machine, and the replica follows the registry's."""
    if name != "redis" or asker == "redis":
        return role != "replica"
    return asker_role == role


# -- disruptions -------------------------------------------------------------------------------------------------------


def budgets(cluster: Cluster) -> Iterator[dict[str, Any]]:
    """How many may be taken at once by a drain: of a hosting's cores those of update.max_unavailable, of what stands
    twice one."""
    most = cluster.file.update.max_unavailable
    if not cluster.file.platform.single_machine:
        for hosting in sorted({core.hosting for core in cluster.deployed_cores}):
            for component in ("core", "mongodb"):
                labels = {"app.kubernetes.io/component": component, "pryv.io/hosting": hosting}
                yield _budget(f"hosting-{shortened(hosting)}-{component}", labels, most)
    for component in ("register", "redis", "dns"):
        yield _budget(component, {"app.kubernetes.io/component": component}, 1)


def _budget(name: str, labels: dict[str, str], most: int) -> dict[str, Any]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": APP}},
        "spec": {
            "maxUnavailable": most,
            "selector": {"matchLabels": {"app.kubernetes.io/name": APP, **labels}},
        },
    }
