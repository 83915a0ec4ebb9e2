"""Public addresses of the machines that are no core's, where the cluster file does not say them.

The name server's file waits for them in Consul KV (consul-templates/address.ctmpl); a run finds them in Nomad's nodes
and writes them before the registry's jobs. An address that is there and that no node contradicts stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pryv_nomad.bridge.membership import address_of
from pryv_nomad.errors import Conflict
from pryv_nomad.plan.intent import Member
from pryv_nomad.settings import values
from pryv_nomad.settings.document import MachineAddress
from pryv_nomad.settings.snippets import address_key

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul
    from pryv_nomad.clients.nomad import Nomad
    from pryv_nomad.model.cluster import Cluster

READERS = 8
ROLES: tuple[values.Role, ...] = ("registry", "replica", "static")

Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unaddressed:
    """A role whose machine has no address in the cluster file; `node` is the Nomad node it is bound to, or empty."""

    role: values.Role
    node: str = ""


def unaddressed(cluster: Cluster) -> tuple[Unaddressed, ...]:
    """The roles for whose address a configuration file waits."""
    holes = (values.address(cluster, role) for role in ROLES)
    roles = {hole.role for hole in holes if isinstance(hole, MachineAddress)}
    file = cluster.file
    machines = {"registry": file.registry, "replica": file.registry.replica, "static": file.static}
    named = {role: machine.node or "" for role, machine in machines.items() if machine}
    return tuple(Unaddressed(role, named.get(role, "")) for role in ROLES if role in roles)


def plays(node: Node, wanted: Unaddressed) -> bool:
    """Whether a node is the machine of the role: named in the cluster file, else with the role in its meta."""
    if wanted.node:
        return node.get("Name") == wanted.node
    said = str((node.get("Meta") or {}).get("pryv_role") or "")
    return wanted.role in (each.strip() for each in said.split(","))


def address_for(wanted: Unaddressed, nodes: Iterable[Node], known: str) -> tuple[str, tuple[str, ...]]:
    """(address, warnings) of a role's machine. `known` is what Consul has, empty for nothing: it stays where one of
    several machines has it, and where no machine of the role is to be seen."""
    found = [node for node in nodes if node.get("Status") == "ready" and plays(node, wanted)]
    said = [address_of(Member(wanted.role, ""), node) for node in sorted(found, key=lambda node: str(node.get("Name")))]
    there = [(address, warning) for address, warning in said if address]
    if not there:
        where = f"the node {wanted.node}" if wanted.node else f"a ready node with meta pryv_role = {wanted.role}"
        missing = f"{wanted.role}: no address known (no `ip` in the cluster file, and not {where} with one)"
        return known, () if known else (missing,)
    address, warning = next((each for each in there if each[0] == known), there[0])
    return address, (warning,) if warning else ()


def record_addresses(consul: Consul, nomad: Nomad, domain: str, machines: Sequence[Unaddressed]) -> list[str]:
    """Write the addresses to Consul KV. Returns warnings; another run that writes at the same time is right too."""
    if not machines:
        return []
    nodes = _nodes(nomad)
    warnings: list[str] = []
    for wanted in machines:
        key = address_key(domain, wanted.role)
        found = consul.kv_get(key)
        known = found[0].decode("ascii", "replace") if found else ""
        address, told = address_for(wanted, nodes, known)
        warnings += told
        if address != known:
            try:
                consul.kv_put(key, address.encode(), cas=found[1] if found else 0)
            except Conflict:
                warnings.append(f"{wanted.role}: somebody else writes its address at the same time")
    return warnings


def _nodes(nomad: Nomad) -> list[Node]:
    """All ready nodes with their meta, which the list of nodes does not have."""
    ids = [stub["ID"] for stub in nomad.nodes(resources=False) if stub.get("Status") == "ready"]
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(nomad.node, ids))
