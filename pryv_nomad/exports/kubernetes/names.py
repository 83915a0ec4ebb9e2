"""Names, labels and where pods may stand, in one place for all objects.

Names are DNS labels that begin with a letter, as services need it, and short enough for what Kubernetes itself puts
after them (a StatefulSet's pods carry its name and a digest in a label of 63 characters).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from pryv_nomad.exports.fleet import Marks
from pryv_nomad.exports.roles import Machine, Service
from pryv_nomad.model.cluster import Cluster

APP = "pryv"
SECRETS, TLS, PULL = "pryv-secrets", "pryv-tls", "pryv-image-registry"
"""Names of the Secrets that the operator makes: the keys, the certificate, the pull credentials."""
FOLDERS = {"registry": "registry", "replica": "registry", "static": "static", "single": "platform"}
"""Role of a machine that is not a core's → its folder."""

_LONGEST_CORE = 40
_EDGES = {"registry": "registry-edge", "static": "static-edge", "single": "platform-edge"}


@dataclass(frozen=True, slots=True)
class Seat:
    """A service where it stands: all that its objects are named and labelled by."""

    cluster: Cluster
    machine: Machine
    service: Service
    marked: Marks

    @property
    def name(self) -> str:
        """The name of its objects."""
        return host(self.marked, self.service.component, self.machine.role, self.machine.role == "replica")

    @property
    def selector(self) -> dict[str, str]:
        """The labels that tell its pods from all others."""
        return selector(self.marked, self.machine.role, self.service.component)

    @property
    def labels(self) -> dict[str, str]:
        """All labels of its objects."""
        hosting = {"pryv.io/hosting": self.marked.hosting} if self.machine.role in ("core", "single") else {}
        return {
            **self.selector,
            **hosting,
            "app.kubernetes.io/version": label_value(self.cluster.release.name),
            "app.kubernetes.io/managed-by": "pryv-nomad",
        }

    def metadata(self, name: str = "") -> dict[str, Any]:
        """The metadata of one of its objects."""
        return {"name": name or self.name, "labels": self.labels}


def host(marked: Marks, component: str, role: str, replica: bool) -> str:
    """The name of a component's service; a core's begin with the core's name."""
    plain = component.replace("_", "-")
    if role == "core":
        return f"{marked.short}-{'edge' if component == 'nginx' else plain}"
    named = _EDGES[role] if component == "nginx" and role in _EDGES else plain
    return f"{named}-replica" if replica else named


def selector(marked: Marks, role: str, component: str) -> dict[str, str]:
    """The labels of the pods of `component` on machines of `role`."""
    core = {"pryv.io/core": marked.name} if role == "core" else {}
    return {
        "app.kubernetes.io/name": APP,
        "app.kubernetes.io/component": component.replace("_", "-"),
        "pryv.io/role": role,
        **core,
    }


def shortened(core: str) -> str:
    """A core's name as the beginning of others: itself, or where it is too long or begins with a digit a form of it
    with a digest."""
    if len(core) <= _LONGEST_CORE and core[0].isalpha():
        return core
    digest = hashlib.sha256(core.encode()).hexdigest()[:8]
    return f"c-{core[: _LONGEST_CORE - 11].rstrip('-')}-{digest}"


def namespace(cluster: Cluster) -> str:
    """The platform's own namespace, after its domain."""
    plain = cluster.domain.replace(".", "-")
    if len(plain) <= 63:
        return plain
    return f"{plain[:54].rstrip('-')}-{hashlib.sha256(plain.encode()).hexdigest()[:8]}"


def label_value(text: str) -> str:
    """`text` as a label's value may be."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)[:63].strip("._-")


def placement(seat: Seat) -> dict[str, Any]:
    """Where its pods may stand: a core's on one node of its hosting, beside each other, because they share a folder;
    the replica's not beside those of the registry."""
    role = seat.machine.role
    if role in ("core", "single"):
        together = {key: value for key, value in seat.selector.items() if key.startswith("pryv.io/")}
        return {"nodeSelector": _core_node(seat), "affinity": {"podAffinity": _required(together)}}
    node = {"registry": seat.cluster.file.registry.node, "static": seat.cluster.file.static.node}.get(role)
    found: dict[str, Any] = {"nodeSelector": {"kubernetes.io/hostname": node}} if node else {}
    if role == "replica":
        registry = {"app.kubernetes.io/name": APP, "pryv.io/role": "registry"}
        found["affinity"] = {"podAntiAffinity": _required(registry)}
    return found


def _core_node(seat: Seat) -> dict[str, str]:
    found = {"pryv.io/hosting": seat.marked.hosting}
    if seat.machine.role == "core" and not seat.machine.cores[0].profile.pinned_by_name:
        found["kubernetes.io/hostname"] = seat.marked.node
    return found


def _required(labels: dict[str, str]) -> dict[str, Any]:
    term = {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}
    return {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
