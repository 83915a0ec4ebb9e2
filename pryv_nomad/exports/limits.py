"""What a target cannot express of a cluster file: sentences for stderr and for the heads of the files.

Nothing is dropped in silence: what holds for every export of a target is always said, the rest where the cluster file
asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.file import Lifecycle, Logs, Update, VolumeSet

LONGEST_IN_STACK = 37
"""Characters of a core's name with which the names of a stack `pryv-NAME` still fit."""

_MEMBERSHIP = (
    "the registry knows the cores of the cluster file only: a core that joins or leaves needs a new export and a "
    "restart of register and dns; nothing watches whether a core is healthy before it is listed"
)


def of_compose(cluster: Cluster) -> tuple[str, ...]:
    """What docker compose cannot do."""
    return (
        _MEMBERSHIP,
        "there is no canary, no wave over several machines and no way back by itself: `docker compose up -d` replaces "
        "what changed on its machine at once, and in which order the machines follow is for the operator",
        *_registers(cluster),
        "limits of CPU and memory are left out, as on a platform under docker compose today",
        *_nomads(cluster),
        *_common(cluster),
    )


def of_swarm(cluster: Cluster) -> tuple[str, ...]:
    """What Docker Swarm cannot do."""
    return (
        _MEMBERSHIP,
        "there is no canary (update.canary, canary_weight): a service is updated in place, its own task at a time, and "
        "goes back by itself when the update fails",
        "there are no waves over several cores (update.max_unavailable): each core is a stack of its own, deployed "
        "when the operator says so",
        *_disconnect(cluster),
        *_datacenters(cluster),
        *_interfaces(cluster),
        *_migration(cluster),
        "CPU in MHz (resources) cannot be reserved in Swarm; memory is",
        *_names(cluster),
        *_common(cluster),
    )


def of_kubernetes(cluster: Cluster) -> tuple[str, ...]:
    """What Kubernetes cannot do."""
    return (
        _MEMBERSHIP,
        "there is no canary (update.canary, canary_weight): a Deployment is updated in place; a failed update stops "
        "and waits for `kubectl rollout undo`, as nothing in Kubernetes goes back by itself",
        "there are no waves over several cores (update.max_unavailable): apply the folders of the cores one by one",
        *_disconnect(cluster),
        *_datacenters(cluster),
        *_interfaces(cluster),
        *_migration(cluster),
        *_replica_edge(cluster),
        *_kubernetes_own(cluster),
        *_common(cluster),
    )


def _registers(cluster: Cluster) -> Iterator[str]:
    count = cluster.file.registry.register_.instances
    if count > 1:
        yield (
            f"registry.register.instances: one register in place of {count}, so a changed list of cores costs the "
            "registry a restart"
        )


def _disconnect(cluster: Cluster) -> Iterator[str]:
    if cluster.file.lifecycle.disconnect != Lifecycle().disconnect:
        yield "lifecycle.disconnect: the target decides by itself when the tasks of an unreachable machine are lost"


def _datacenters(cluster: Cluster) -> Iterator[str]:
    if len(cluster.file.datacenters) > 1:
        yield "datacenters: labels alone say which nodes a part of the platform may run on"


def _interfaces(cluster: Cluster) -> Iterator[str]:
    registry = cluster.file.registry
    if registry.interface_ip or (registry.replica and registry.replica.interface_ip):
        yield "interface_ip: dns is published on all addresses of its machine, not on that one alone"


def _migration(cluster: Cluster) -> Iterator[str]:
    if cluster.release.migrates:
        yield (
            f"release {cluster.release.name} migrates data when core first starts: a failed update of core stops and "
            "waits, because data does not go back with an image"
        )


def _names(cluster: Cluster) -> Iterator[str]:
    long = max((core.name for core in cluster.deployed_cores), key=len, default="")
    if len(long) > LONGEST_IN_STACK:
        yield (
            f"names of stacks: `pryv-{long}` is too long for Swarm's names of 63 characters; deploy cores with names "
            f"of more than {LONGEST_IN_STACK} under shorter names"
        )


def _nomads(cluster: Cluster) -> Iterator[str]:
    lifecycle = cluster.file.lifecycle
    if lifecycle.restart != Lifecycle().restart:
        yield "lifecycle.restart: docker compose starts again at once and for ever"
    if lifecycle.kill_timeout != Lifecycle().kill_timeout:
        yield "lifecycle.kill_timeout: docker compose's own stop time holds, unless `docker compose stop -t` says more"


def _kubernetes_own(cluster: Cluster) -> Iterator[str]:
    file = cluster.file
    yield "sizes of volumes are not in the cluster file: each claim asks for 10Gi, which a patch can change"
    if file.logs != Logs():
        yield "logs: kubelet rotates them as the node says"
    if file.lifecycle.restart != Lifecycle().restart:
        yield "lifecycle.restart: kubelet starts again at growing intervals, up to 5 minutes"
    if file.tls.source == "path":
        yield "tls.source path: the certificate comes from a Secret, not from the machines"


def _replica_edge(cluster: Cluster) -> Iterator[str]:
    if cluster.file.registry.replica:
        yield "the replica has dns and redis but no edge: the Ingress is the one door to the registers"


def _common(cluster: Cluster) -> Iterator[str]:
    file = cluster.file
    if file.volumes != VolumeSet() or any(core.profile.volumes != cluster.volumes for core in cluster.cores):
        yield "volumes: names of Nomad's volumes mean nothing here; data lies where the target keeps it"
    if file.lifecycle.shutdown_delay != Lifecycle().shutdown_delay:
        yield "lifecycle.shutdown_delay: there is no Consul to leave before a task is stopped"
    if file.update.auto_promote != Update().auto_promote:
        yield "update.auto_promote: there is nothing to promote"
    if file.bridge.enabled:
        yield "bridge: there is no Consul in which it could keep the cores; left out"
    if file.tls.source == "vault":
        yield "tls.source vault: the certificate is not fetched from Vault; put it where the export's README says"
    if file.tls.acme.enabled:
        yield "tls.acme: the certificate is not renewed by the platform; renew it outside and put it in again"
    machines = (file, file.registry, file.static, *((file.registry.replica,) if file.registry.replica else ()))
    if any(machine.constraints for machine in machines) or any(core.profile.constraints for core in cluster.cores):
        yield "constraints: they speak of Nomad's nodes and are left out"
    if any(core.profile.node_class for core in cluster.cores):
        yield "node_class: classes of Nomad's nodes are left out"
    if file.images.credentials is not None:
        yield "images.credentials: log the machines in to the image registry by the target's own means"
    if any(core.external for core in cluster.cores):
        yield "external cores are listed in the registry and not exported"
