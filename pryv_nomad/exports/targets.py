"""The targets by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pryv_nomad.errors import SpecError
from pryv_nomad.exports import limits
from pryv_nomad.exports.folder import Tree
from pryv_nomad.model.cluster import Cluster

EndpointMode = Literal["vip", "dnsrr"]


@dataclass(frozen=True, slots=True)
class Exported:
    """The files for a target, and what it cannot express, a sentence each."""

    tree: Tree
    limits: tuple[str, ...]


def exported(cluster: Cluster, target: str, endpoint_mode: EndpointMode = "vip") -> Exported:
    """The platform for `target`. Raises ClusterFileError for addresses that the cluster file lacks, SpecError."""
    match target:
        case "compose":
            from pryv_nomad.exports import compose

            return Exported(compose.tree(cluster), limits.of_compose(cluster))
        case "swarm":
            from pryv_nomad.exports import swarm

            return Exported(swarm.tree(cluster, endpoint_mode), limits.of_swarm(cluster))
        case "kubernetes":
            from pryv_nomad.exports import kubernetes

            return Exported(kubernetes.tree(cluster), limits.of_kubernetes(cluster))
    raise SpecError(f"there is no target {target}", "export to swarm, compose or kubernetes")
