"""Machines of the other roles, and addresses that the world cannot reach."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from pryv_nomad.model.checks.finding import Finding, error, nearest, warning
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.file import Machine
from pryv_nomad.model.validation import written

_PRIVATE = [
    ipaddress.ip_network(network)
    for network in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
]


def _roles(cluster: Cluster) -> Iterator[tuple[str, Machine]]:
    registry = cluster.file.registry
    yield "registry", registry
    if registry.replica:
        yield "registry.replica", registry.replica
    yield "static", cluster.file.static


def is_private(address: str) -> bool:
    """Whether no one outside reaches `address`. Addresses for documentation (RFC 5737) count as public."""
    ip = ipaddress.ip_address(address)
    return any(ip.version == network.version and ip in network for network in _PRIVATE)


def datacenter_is_known(cluster: Cluster) -> Iterator[Finding]:
    """A role's datacenter is one of the platform's."""
    known = cluster.file.datacenters
    for path, machine in _roles(cluster):
        if machine.datacenter is not None and machine.datacenter not in known:
            text = f"{written(machine.datacenter)} is not among the datacenters"
            yield error(f"{path}.datacenter", text, nearest(machine.datacenter, known))


def single_machine_is_one(cluster: Cluster) -> Iterator[Finding]:
    """A platform on one machine has one core and no replica."""
    file = cluster.file
    if not file.platform.single_machine:
        return
    if len(cluster.cores) > 1:
        text = f"a platform on one machine has one core, not {len(cluster.cores)}"
        yield error("platform.single_machine", text, "leave single_machine out")
    if file.registry.replica:
        yield error("registry.replica", "a platform on one machine has no replica", "leave it or single_machine out")
    if any(core.external for core in cluster.cores):
        yield error("platform.single_machine", "its only core cannot be external", "leave one of the two out")


def machines_are_apart(cluster: Cluster) -> Iterator[Finding]:
    """Roles with an edge of their own cannot share a machine; only a single machine has one edge for all."""
    if cluster.file.platform.single_machine:
        return
    for kind in ("node", "ip"):
        seen: dict[str, str] = {value: core.name for core in cluster.cores if (value := getattr(core, kind))}
        for path, machine in _roles(cluster):
            value = getattr(machine, kind)
            if value and value in seen:
                text = f"{value} is also that of {seen[value]}; the ports 80 and 443 of their edges clash"
                yield error(f"{path}.{kind}", text, "give it a machine of its own, or set platform.single_machine")
            elif value:
                seen[value] = path


def public_addresses_are_public(cluster: Cluster) -> Iterator[Finding]:
    """dns tells users these addresses."""
    told: set[str] = set()
    for core in cluster.cores:
        if core.ip and core.path not in told and is_private(core.ip):
            told.add(core.path)
            yield warning(
                f"{core.path}.ip", f"{core.ip} of {core.name} is a private address; users outside cannot reach it"
            )
    for path, machine in _roles(cluster):
        if machine.ip and is_private(machine.ip):
            yield warning(f"{path}.ip", f"{machine.ip} is a private address; users outside cannot reach it")


def private_address_is_private(cluster: Cluster) -> Iterator[Finding]:
    """redis has no authentication."""
    address = cluster.file.registry.private_ip
    if address and not is_private(address):
        text = f"{address} is a public address, and redis has no authentication"
        yield warning("registry.private_ip", text, "name the address in the private network")


def backends_are_private(cluster: Cluster) -> Iterator[Finding]:
    """MongoDB, InfluxDB, redis and NATS have no authentication."""
    if cluster.file.network.allow_public_backends:
        text = (
            "MongoDB, InfluxDB, redis and NATS have no authentication, and will listen on the machines' own addresses"
        )
        yield warning("network.allow_public_backends", text, "only behind a firewall")


CHECKS = (
    datacenter_is_known,
    single_machine_is_one,
    machines_are_apart,
    public_addresses_are_public,
    private_address_is_private,
    backends_are_private,
)
