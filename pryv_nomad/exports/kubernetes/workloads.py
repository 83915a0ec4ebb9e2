"""What runs: StatefulSets for what keeps data, Deployments for the rest."""

from __future__ import annotations

import math
from typing import Any

from pryv_nomad.exports import probes
from pryv_nomad.exports.kubernetes import config
from pryv_nomad.exports.kubernetes.names import PULL, Seat, placement
from pryv_nomad.model.file import DATABASE_PATIENCE
from pryv_nomad.model.types import seconds

CLAIM = "10Gi"
"""What each volume asks for; the cluster file does not say sizes."""
MHZ_A_CPU = 2000
"""What one CPU of Kubernetes counts for, where the cluster file speaks of MHz."""
_MIGRATION = 3600
"""Seconds that a core of a release which migrates data may take to start."""
_PERIOD = 10
_TWICE = frozenset({"nginx", "hfs", "preview", "register", "mail", "admin_panel", "app_web_auth3"})
"""Components of which an old and a new one may run at once: neither data, sessions nor NATS of their own."""


def workload(seat: Seat) -> dict[str, Any]:
    """The StatefulSet or Deployment of a service."""
    return _stateful_set(seat) if seat.service.database else _deployment(seat)


def claim(seat: Seat, key: str) -> dict[str, Any]:
    """The claim of a volume that several services of a core share."""
    name = shared_claim(seat, key)
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": seat.metadata(name), "spec": _storage()}


def shared_claim(seat: Seat, key: str) -> str:
    """The name of the claim of the volume `key`."""
    plain = key.replace("_", "-")
    return f"{seat.marked.short}-{plain}" if seat.machine.role == "core" else plain


def _stateful_set(seat: Seat) -> dict[str, Any]:
    claims = [{"metadata": {"name": key.replace("_", "-")}, "spec": _storage()} for key in seat.service.volumes]
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": seat.metadata(),
        "spec": {
            "serviceName": seat.name,
            "replicas": 1,
            "selector": {"matchLabels": seat.selector},
            "updateStrategy": {"type": "RollingUpdate"},
            "template": _template(seat),
            "volumeClaimTemplates": claims,
        },
    }


def _deployment(seat: Seat) -> dict[str, Any]:
    update = seat.cluster.file.update
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": seat.metadata(),
        "spec": {
            "replicas": seat.service.replicas,
            "selector": {"matchLabels": seat.selector},
            "strategy": rolling if seat.service.component in _TWICE else {"type": "Recreate"},
            "minReadySeconds": math.ceil(seconds(update.min_healthy_time)),
            "progressDeadlineSeconds": max(_start_time(seat), math.ceil(seconds(update.progress_deadline))) + _PERIOD,
            "template": _template(seat),
        },
    }


def _storage() -> dict[str, Any]:
    return {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": CLAIM}}}


# -- pods --------------------------------------------------------------------------------------------------------------


def _template(seat: Seat) -> dict[str, Any]:
    return {"metadata": {"labels": seat.labels, "annotations": _annotations(seat)}, "spec": _pod(seat)}


def _annotations(seat: Seat) -> dict[str, str]:
    """What makes a changed file, or a rotated secret, a changed pod."""
    generations = seat.cluster.file.secrets.generations
    rotated = {key: generations[key] for key in sorted(seat.service.secrets) if generations.get(key)}
    found = {"pryv.io/files": config.digest(seat.service)} if seat.service.files else {}
    said = ", ".join(f"{key} {count}" for key, count in rotated.items())
    return {**found, **({"pryv.io/secret-generations": said} if rotated else {})}


def _pod(seat: Seat) -> dict[str, Any]:
    service, file = seat.service, seat.cluster.file
    grace = seconds(file.lifecycle.kill_timeout) * (DATABASE_PATIENCE if service.database else 1)
    _, _, group = service.facts.user.partition(":")
    init = config.init_containers(service, _pull_policy(seat))
    parts: dict[str, Any] = {
        **placement(seat),
        "automountServiceAccountToken": False,
        # Kubernetes would put variables such as CORE_PORT into every container.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": math.ceil(grace),
        "securityContext": {
            "seccompProfile": {"type": "RuntimeDefault"},
            **({"fsGroup": int(group), "fsGroupChangePolicy": "OnRootMismatch"} if group.isdigit() else {}),
        },
        "imagePullSecrets": [{"name": PULL}] if file.images.credentials is not None else [],
        "initContainers": init,
        "containers": [_container(seat)],
        "volumes": [*config.volumes(seat), *_data_volumes(seat), *_binds(seat)],
    }
    return {key: value for key, value in parts.items() if value or value is False}


def _pull_policy(seat: Seat) -> str:
    return "Always" if seat.cluster.file.images.force_pull else "IfNotPresent"


def _container(seat: Seat) -> dict[str, Any]:
    service = seat.service
    # Kubernetes reads `$(NAME)` as the value of another variable.
    environment: list[dict[str, Any]] = [
        {"name": name, "value": value.replace("$(", "$$(")} for name, value in service.environment.items()
    ]
    if service.configuration:
        node = {"fieldRef": {"fieldPath": "spec.nodeName"}}
        environment.append({"name": "HOSTNAME", "valueFrom": node})
    parts: dict[str, Any] = {
        "name": service.component.replace("_", "-"),
        "image": service.image,
        "imagePullPolicy": _pull_policy(seat),
        "env": environment,
        "ports": [
            {"name": port.name, "containerPort": port.number, "protocol": port.protocol.upper()}
            for port in service.ports
        ],
        "resources": _resources(seat),
        **_probes(seat),
        "volumeMounts": [*config.mounts(service), *_data_mounts(seat), *_bind_mounts(seat)],
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    return {key: value for key, value in parts.items() if value}


def _resources(seat: Seat) -> dict[str, Any]:
    found = seat.service.resources
    return {
        "requests": {"cpu": f"{max(1, found.cpu * 1000 // MHZ_A_CPU)}m", "memory": f"{found.memory}Mi"},
        "limits": {"memory": f"{max(found.memory, found.memory_max)}Mi"},
    }


def _probes(seat: Seat) -> dict[str, Any]:
    asked = _asked(seat)
    if asked is None:
        return {}
    return {
        "startupProbe": {**asked, "periodSeconds": _PERIOD, "failureThreshold": _start_time(seat) // _PERIOD},
        "readinessProbe": {**asked, "periodSeconds": _PERIOD, "failureThreshold": 3},
        "livenessProbe": {**asked, "periodSeconds": 2 * _PERIOD, "failureThreshold": 6},
    }


def _start_time(seat: Seat) -> int:
    """Seconds until a start counts as failed. A migration must not be killed half-way."""
    migrates = seat.cluster.release.migrates and seat.service.component == "core"
    healthy = math.ceil(seconds(seat.cluster.file.update.healthy_deadline) / _PERIOD) * _PERIOD
    return max(healthy, _MIGRATION) if migrates else healthy


def _asked(seat: Seat) -> dict[str, Any] | None:
    health = seat.service.health
    match health.type:
        case "http":
            return {"httpGet": {"path": health.path, "port": probes.port(seat.service)}, "timeoutSeconds": 5}
        case "tcp":
            return {"tcpSocket": {"port": probes.port(seat.service)}, "timeoutSeconds": 5}
        case "script":
            return {"exec": {"command": list(health.command)}, "timeoutSeconds": 5}
        case _:
            return None


# -- volumes -----------------------------------------------------------------------------------------------------------


def _data_volumes(seat: Seat) -> list[dict[str, Any]]:
    """A database's come of its claim templates; what a core's services share is a claim of its own."""
    if seat.service.database:
        return []
    return [
        {"name": key.replace("_", "-"), "persistentVolumeClaim": {"claimName": shared_claim(seat, key)}}
        for key in seat.service.volumes
    ]


def _data_mounts(seat: Seat) -> list[dict[str, Any]]:
    return [{"name": key.replace("_", "-"), "mountPath": path} for key, (_, path) in seat.service.volumes.items()]


def _binds(seat: Seat) -> list[dict[str, Any]]:
    sources = seat.service.facts.binds
    return [{"name": f"bind-{number}", "hostPath": {"path": source}} for number, source in enumerate(sources)]


def _bind_mounts(seat: Seat) -> list[dict[str, Any]]:
    targets = seat.service.facts.binds.values()
    return [{"name": f"bind-{number}", "mountPath": target} for number, target in enumerate(targets)]
