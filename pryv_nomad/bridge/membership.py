"""How a core stands in Consul's catalog, and at which address: pure.

Each core is a service `pryv-core` on a catalog node of its own, so that it outlives every agent; the registry's
template lists the instances.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pryv_nomad.bridge.entries import SERVICE, Entry, node_name
from pryv_nomad.bridge.states import State
from pryv_nomad.plan.intent import Member

__all__ = ["PUBLIC_IP_META", "SERVICE", "Listed", "address_of", "generation_key", "listed", "node_name", "payload"]

PUBLIC_IP_META = "pryv_public_ip"


def generation_key(domain: str) -> str:
    """The KV key that counts changes of the membership; the registry's template waits until it exists. "0": there has
    been no member yet."""
    return f"pryv-nomad/{domain}/members/generation"


def payload(member: Member, address: str, domain: str, state: State = State.ACTIVE) -> dict[str, Any]:
    """The body of `PUT /v1/catalog/register` for a core that is healthy, or of which nothing but that is known."""
    entry = Entry(member.name, member.hosting, address, state=state, output="registered by a run")
    return {
        "Node": node_name(member.name),
        "Address": address,
        "NodeMeta": entry.node()["Meta"],
        "Service": entry.service(domain),
        "Check": entry.check(),
    }


@dataclass(frozen=True, slots=True)
class Listed:
    """A core as the catalog has it."""

    core: str
    hosting: str
    address: str
    state: State = State.ACTIVE

    @classmethod
    def of(cls, instance: Mapping[str, Any]) -> Listed:
        """From an instance of `GET /v1/catalog/service/pryv-core`; one without a state is listed, hence active."""
        meta = instance.get("ServiceMeta") or {}
        state = meta.get("state", "")
        known = State(state) if state in (State.JOINING, State.DRAINING) else State.ACTIVE
        return cls(meta.get("core", ""), meta.get("hosting", ""), instance.get("ServiceAddress") or "", known)


def listed(instances: list[Mapping[str, Any]], domain: str) -> dict[str, Listed]:
    """The cores of a platform that the catalog has, by name."""
    own = [each for each in instances if (each.get("ServiceMeta") or {}).get("platform") == domain]
    return {found.core: found for found in map(Listed.of, own) if found.core}


def address_of(member: Member, node: Mapping[str, Any] | None) -> tuple[str, str]:
    """(address, warning) of a core: the cluster file's, else its node's meta, else the node's own address.

    `node` is Nomad's JSON of the node that runs it. The address is empty where nothing says it.
    """
    if member.ip:
        return member.ip, ""
    if node is None:
        return "", f"{member.name}: no address known (no `ip` in the cluster file, and no node runs it)"
    meta = (node.get("Meta") or {}).get(PUBLIC_IP_META)
    if meta:
        return str(meta), ""
    own = _host(str(node.get("HTTPAddr") or ""))
    if not own:
        return "", f"{member.name}: node {node.get('Name')} tells no address; set `ip` or meta {PUBLIC_IP_META}"
    if not ipaddress.ip_address(own).is_global:
        return own, (
            f"{member.name}: {own}, the address of node {node.get('Name')}, is private;"
            f" set `ip` in the cluster file or meta {PUBLIC_IP_META} on the node"
        )
    return own, ""


def _host(http_address: str) -> str:
    """The address of `HOST:PORT` or `[HOST]:PORT`, empty where it is no IP address."""
    host = http_address.rpartition(":")[0].strip("[]")
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return ""
