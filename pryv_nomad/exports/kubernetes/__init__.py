"""Kubernetes: a folder a core, one for the registry with its replica, one for the static site, and a kustomization.

Each folder has a kustomization of its own, so that cores can be applied one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pryv_nomad.exports import limits
from pryv_nomad.exports.document import yaml_documents, yaml_text
from pryv_nomad.exports.fleet import Marks, for_core, marks
from pryv_nomad.exports.folder import Entry, Tree
from pryv_nomad.exports.kubernetes import config, names, network, workloads
from pryv_nomad.exports.kubernetes.names import FOLDERS, PULL, SECRETS, TLS, Seat, shortened
from pryv_nomad.exports.roles import Machine, Target, machines, secret_keys, without_private_line
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings.nginx_blocks import Edge

__all__ = ["tree"]

Objects = dict[str, list[dict[str, Any]]]
"""File → the objects in it."""


def tree(cluster: Cluster) -> Tree:
    """All files of the export. Raises ClusterFileError, SpecError."""
    said = limits.of_kubernetes(cluster)
    cluster = without_private_line(cluster)
    marked = marks(cluster)
    platform = view(cluster, marked)
    found: dict[str, Entry] = {}
    folders: dict[str, Objects] = {}
    for machine in platform:
        if machine.role == "core":
            found |= dict(_cores(cluster, machine, marked, platform, said))
        else:
            _merge(folders.setdefault(FOLDERS[machine.role], {}), _objects(cluster, machine, marked, platform))
    cores = cluster.deployed_cores
    for folder, objects in folders.items():
        for path, text in _texts(cluster, objects, folder, said):
            found[f"{folder}/{path}"] = Entry(for_core(cluster, text, marked, cores[0], shortened) if cores else text)
    top = {**_top(cluster, (*folders, *_core_folders(cluster))), "README.md": _readme(cluster, platform, said)}
    return {**{path: Entry(text) for path, text in top.items()}, **found}


def view(cluster: Cluster, marked: Marks) -> tuple[Machine, ...]:
    """The machines as they are here: the replica has no edge, since an Ingress stands before the registers."""

    def host(component: str, role: str, replica: bool) -> str:
        return names.host(marked, component, role, replica)

    edge = Edge(certificate=f"{config.CERTIFICATES}/tls.crt", key=f"{config.CERTIFICATES}/tls.key")
    return tuple(
        replace(
            machine, services=tuple(each for each in machine.services if not (machine.role == "replica" and each.edge))
        )
        for machine in machines(cluster, Target(host, edge))
    )


def _cores(
    cluster: Cluster, machine: Machine, marked: Marks, platform: tuple[Machine, ...], said: tuple[str, ...]
) -> Iterator[tuple[str, Entry]]:
    texts = list(_texts(cluster, _objects(cluster, machine, marked, platform), f"core {marked.name}", said))
    for core in machine.cores:
        for path, text in texts:
            yield f"cores/{core.name}/{path}", Entry(for_core(cluster, text, marked, core, shortened))


def _objects(cluster: Cluster, machine: Machine, marked: Marks, platform: tuple[Machine, ...]) -> Objects:
    """The objects of a machine, by file."""
    found: Objects = {"files.yaml": [], "workloads.yaml": [], "network.yaml": []}
    claims: dict[str, dict[str, Any]] = {}
    for service in machine.services:
        seat = Seat(cluster, machine, service, marked)
        files, ingress = config.config_map(seat), network.ingress(seat)
        found["files.yaml"] += [files] if files else []
        if not service.database:
            claims |= {key: workloads.claim(seat, key) for key in service.volumes if key not in claims}
        found["workloads.yaml"].append(workloads.workload(seat))
        found["network.yaml"] += [
            *network.services(seat),
            *network.policies(seat, platform),
            *([ingress] if ingress else []),
        ]
    found["workloads.yaml"][:0] = claims.values()
    return found


def _merge(into: Objects, more: Objects) -> None:
    for path, objects in more.items():
        into.setdefault(path, []).extend(objects)


# -- files -------------------------------------------------------------------------------------------------------------


def _texts(cluster: Cluster, objects: Objects, what: str, said: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    head = [
        f"{what} of {cluster.domain}, release {cluster.release.name}.",
        "Written by `pryv-nomad export kubernetes`; a change belongs in the cluster file.",
        "Not as in the cluster file:",
        *(f"- {sentence}" for sentence in said),
    ]
    for path, found in objects.items():
        yield path, yaml_documents(found, head)
    yield "kustomization.yaml", yaml_text(_kustomization(cluster, tuple(objects)))


def _kustomization(cluster: Cluster, resources: tuple[str, ...]) -> dict[str, Any]:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": names.namespace(cluster),
        "resources": list(resources),
    }


def _core_folders(cluster: Cluster) -> tuple[str, ...]:
    if cluster.file.platform.single_machine:
        return ()
    return tuple(f"cores/{core.name}" for core in cluster.deployed_cores)


def _top(cluster: Cluster, folders: tuple[str, ...]) -> dict[str, str]:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": names.namespace(cluster)}}
    shared = [network.nothing_in(), *network.budgets(cluster)]
    return {
        "kustomization.yaml": yaml_text(_kustomization(cluster, ("namespace.yaml", "shared.yaml", *folders))),
        "namespace.yaml": yaml_text(space),
        "shared.yaml": yaml_documents(shared),
    }


# -- words -------------------------------------------------------------------------------------------------------------


def _readme(cluster: Cluster, platform: tuple[Machine, ...], said: tuple[str, ...]) -> str:
    space = names.namespace(cluster)
    keys = " \\\n".join(f"        --from-file={key}=FILE" for key in secret_keys(platform))
    hostings = sorted({core.hosting for core in cluster.deployed_cores})
    labels = "\n".join(f"    kubectl label node NODE pryv.io/hosting={hosting}" for hosting in hostings)
    pull = (
        f"    kubectl -n {space} create secret docker-registry {PULL} …\n"
        if cluster.file.images.credentials is not None
        else ""
    )
    sentences = "".join(f"- {sentence}\n" for sentence in said)
    return f"""# {cluster.domain} on Kubernetes

Release {cluster.release.name}. Label the nodes of each hosting:

{labels}

Make the namespace and the Secrets, each key of a file that holds the value and nothing else, no line end either
(`printf %s`):

    kubectl apply -f namespace.yaml
    kubectl -n {space} create secret generic {SECRETS} \\
{keys}
    kubectl -n {space} create secret tls {TLS} --cert=CERT --key=KEY
{pull}
Apply everything at once, or the registry first and then core by core:

    kubectl apply -k .

    kubectl apply -n {space} -f shared.yaml
    kubectl apply -k registry && kubectl apply -k static && kubectl apply -k cores/NAME

What leaves the cluster file is not taken away: `kubectl delete -k` its folder of the export before.

Each core needs an address of its own, that of the cluster file: its edge is a Service of the type LoadBalancer, since
the platform's dns leads each user to their core. The Ingress controller must answer at the registry's and the static
site's addresses; where the registry's is also that of dns, the two have to share it.

Volumes ask for {workloads.CLAIM} of the default storage class; a patch in a kustomization of yours says otherwise.
Core's audit log goes to /dev/log of its node, which must be there.

Not as in the cluster file:

{sentences}"""
