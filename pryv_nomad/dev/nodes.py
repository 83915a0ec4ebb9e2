"""The machines that a platform wants, as plain data: what the local cluster, the simulator and tests lay out.

Pure: from the cluster model to wishes, and from wishes to addresses.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pryv_nomad.errors import MissingPrerequisite

if TYPE_CHECKING:
    from pryv_nomad.model.cluster import Cluster
    from pryv_nomad.model.file import Machine, Volume

REGISTRY, REPLICA, STATIC = "registry", "replica", "static"
"""Values of the node's meta pryv_role; a machine with several has them all, separated by commas."""


@dataclass(frozen=True, slots=True)
class NodeWish:
    """One Nomad client. `meta` is sorted pairs; `volumes` are names of host volumes; `address` is empty until placed.

    `cpu` (MHz) and `memory` (MB) are what the client says that it has, not what the machine has: a local cluster
    shares one machine, and the examples must place on it as they are.
    """

    name: str
    datacenter: str = "dc1"
    meta: tuple[tuple[str, str], ...] = ()
    volumes: tuple[str, ...] = ()
    networks: tuple[str, ...] = ("private", "public")
    node_class: str = ""
    cpu: int = 64_000
    memory: int = 262_144
    address: str = ""


def wishes(cluster: Cluster) -> list[NodeWish]:
    """One node a core, and one each for the registry, its replica and the static site; on a single machine one for
    all but the replica. Cores outside Nomad get none."""
    nodes = [*_cores(cluster), *_roles(cluster)]
    if not cluster.file.platform.single_machine:
        return nodes
    replicas = [node for node in nodes if ("pryv_role", REPLICA) in node.meta]
    return [_merged([node for node in nodes if node not in replicas]), *replicas]


def one_node(nodes: Sequence[NodeWish]) -> list[NodeWish]:
    """What one client can offer in place of `nodes`: the first core's name, the first datacenter, all volumes."""
    return [_merged(nodes)]


def placed(nodes: Sequence[NodeWish], network: str, taken: Mapping[str, str]) -> list[NodeWish]:
    """The nodes with an address each in `network` (CIDR): the one they had (`taken`, by name), else the next free.

    Raises MissingPrerequisite when the network is too small.
    """
    free = iter(_free(network, {taken[node.name] for node in nodes if node.name in taken}))
    placed_nodes = []
    for node in nodes:
        address = taken.get(node.name) or next(free, None)
        if address is None:
            raise MissingPrerequisite(
                f"{network} has no address left for node {node.name}", "pass a wider --network, such as 127.1.0.0/16"
            )
        placed_nodes.append(replace(node, address=address))
    return placed_nodes


def _free(network: str, taken: set[str]) -> list[str]:
    return [str(address) for address in ipaddress.ip_network(network).hosts() if str(address) not in taken]


def _cores(cluster: Cluster) -> list[NodeWish]:
    networks = _networks(cluster)
    return [
        NodeWish(
            name=core.node or core.name,
            datacenter=core.profile.datacenter,
            meta=(("pryv_core", core.name),),
            volumes=_host_volumes(core.profile.volumes, core.name, registry=False),
            networks=networks,
            node_class=core.profile.node_class,
        )
        for core in cluster.deployed_cores
    ]


def _roles(cluster: Cluster) -> list[NodeWish]:
    registry = cluster.file.registry
    nodes = [_role(cluster, REGISTRY, registry)]
    if registry.replica is not None:
        nodes.append(_role(cluster, REPLICA, registry.replica))
    nodes.append(_role(cluster, STATIC, cluster.file.static))
    return nodes


def _role(cluster: Cluster, role: str, machine: Machine) -> NodeWish:
    has_redis = role in (REGISTRY, REPLICA)
    return NodeWish(
        name=machine.node or role,
        datacenter=cluster.datacenter_of(machine),
        meta=(("pryv_role", role),),
        volumes=_host_volumes(cluster.volumes, "", registry=True) if has_redis else (),
        networks=_networks(cluster),
    )


def _networks(cluster: Cluster) -> tuple[str, ...]:
    network = cluster.file.network
    return tuple(sorted({network.private, network.public or "public"}))


def _host_volumes(volumes: Sequence[tuple[str, Volume]], core: str, *, registry: bool) -> tuple[str, ...]:
    """Names of the host volumes among `volumes` that a core's machine, or the registry's, must have."""
    return tuple(
        sorted(
            {
                volume.source.replace("{core}", core)
                for key, volume in volumes
                if volume.type == "host" and key.startswith(("redis", "registry")) == registry
            }
        )
    )


def _merged(nodes: Sequence[NodeWish]) -> NodeWish:
    """One node in place of many, with all their roles; where they disagree, the first one's value holds."""
    first = nodes[0]
    meta: dict[str, str] = {}
    for key, value in (pair for node in nodes for pair in node.meta):
        meta[key] = f"{meta[key]},{value}" if key == "pryv_role" and key in meta else meta.get(key, value)
    return replace(
        first,
        meta=tuple(sorted(meta.items())),
        volumes=tuple(sorted({volume for node in nodes for volume in node.volumes})),
        networks=tuple(sorted({network for node in nodes for network in node.networks})),
    )
