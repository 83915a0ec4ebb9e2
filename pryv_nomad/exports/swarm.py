"""Docker Swarm: a stack a core, one for the registry with its replica, one for the static site.

Configuration files are Swarm configs. Their names hold a digest of their content, since a config never changes: a new
file is a new config and an update of the services that use it. Files with secrets are templated configs, in which Swarm
itself puts the values on the machine that runs the task.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pryv_nomad.exports import limits, probes
from pryv_nomad.exports.document import Octal, dollars, mapped, yaml_text
from pryv_nomad.exports.fleet import Marks, for_core, marks
from pryv_nomad.exports.folder import Entry, Tree
from pryv_nomad.exports.roles import (
    File,
    Machine,
    Service,
    Target,
    machines,
    secret_keys,
    without_private_line,
)
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.types import seconds
from pryv_nomad.settings.document import Secret
from pryv_nomad.settings.nginx_blocks import Edge

CERTIFICATE, KEY = "TLS_CERTIFICATE", "TLS_KEY"
PATIENCE = 10
"""How many times the usual stop time a database gets: killed while it writes, it has to repair itself."""
STACKS = {"registry": "registry", "replica": "registry", "static": "static", "single": "platform"}
"""Role of a machine that is not a core's → its stack."""

_PRIVATE, _PUBLIC = Octal(0o400), Octal(0o444)
_BRACES = re.compile(r"\{{2,}|\{\Z")
_TWICE = frozenset({"hfs", "preview", "register", "mail", "admin_panel", "app_web_auth3"})
"""Components of which an old and a new one may run at once: neither data, sessions, machine ports nor NATS of their
own."""


@dataclass(slots=True)
class Stack:
    """A stack while it is put together: its services, and what they use."""

    services: dict[str, Any] = field(default_factory=dict)
    volumes: dict[str, Any] = field(default_factory=dict)
    configs: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Entry] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The stack file."""
        parts = {
            "services": self.services,
            "networks": {"default": {"driver": "overlay"}},
            "volumes": self.volumes,
            "configs": self.configs,
            "secrets": self.secrets,
        }
        return {"version": "3.8", **{name: part for name, part in parts.items() if part}}


@dataclass(frozen=True, slots=True)
class Writer:
    """What all stacks share."""

    cluster: Cluster
    endpoint_mode: str
    marked: Marks


def tree(cluster: Cluster, endpoint_mode: str = "vip") -> Tree:
    """All files of the export. Raises ClusterFileError, SpecError."""
    said = limits.of_swarm(cluster)
    cluster = without_private_line(cluster)
    writer = Writer(cluster, endpoint_mode, marks(cluster))
    found: dict[str, Entry] = {}
    stacks: dict[str, Stack] = {}
    platform = machines(cluster, Target(host, edge(cluster)))
    for machine in platform:
        if machine.role == "core":
            found |= dict(_cores(writer, machine, said))
        else:
            stack = stacks.setdefault(STACKS[machine.role], Stack())
            _add(writer, stack, machine, "conf")
    for name, stack in stacks.items():
        core = cluster.deployed_cores[:1]
        text = yaml_text(dollars(stack.document()), _head(cluster, name, said))
        found[f"{name}.yml"] = Entry(for_core(cluster, text, writer.marked, core[0]) if core else text)
        found |= stack.files
    return {"README.md": Entry(_readme(cluster, platform, tuple(stacks), said)), **dict(sorted(found.items()))}


def _cores(writer: Writer, machine: Machine, said: tuple[str, ...]) -> Iterator[tuple[str, Entry]]:
    stack = Stack()
    _add(writer, stack, machine, "../conf")
    head = _head(writer.cluster, f"core {writer.marked.name}", said)
    text = yaml_text(dollars(stack.document()), head)
    yield from stack.files.items()
    for core in machine.cores:
        yield f"cores/{core.name}.yml", Entry(for_core(writer.cluster, text, writer.marked, core))


def host(component: str, role: str, replica: bool) -> str:  # noqa: ARG001 - one network for all roles of a stack
    """The name by which services of a stack find `component`."""
    return _named(component) + ("-replica" if replica else "")


def _named(component: str) -> str:
    return component.replace("_", "-")


def edge(cluster: Cluster) -> Edge:
    """Where an edge finds certificate and key."""
    tls = cluster.file.tls
    if tls.source != "path":
        return Edge(certificate=f"/run/secrets/{CERTIFICATE}", key=f"/run/secrets/{KEY}")
    return Edge(
        certificate=f"/app/tls/{posixpath.basename(tls.certificate_path)}",
        key=f"/app/tls-key/{posixpath.basename(tls.key_path)}",
    )


# -- services ----------------------------------------------------------------------------------------------------------


def _add(writer: Writer, stack: Stack, machine: Machine, conf: str) -> None:
    """Put the machine's services into `stack`; `conf` leads from the stack's file to the configuration files."""
    for service in machine.services:
        name = host(service.component, machine.role, machine.role == "replica")
        logs = writer.cluster.file.logs
        health = _health(writer, service)
        parts: dict[str, Any] = {
            "image": service.image,
            "environment": _environment(service),
            "ports": _ports(service),
            "volumes": _volumes(writer, stack, service, name),
            "configs": [_config(stack, service, file, conf) for file in service.files],
            "secrets": _secrets(writer, stack, service),
            **({"healthcheck": health} if health else {}),
            "stop_grace_period": _grace(writer, service),
            "logging": {
                "driver": "json-file",
                "options": {"max-size": f"{logs.max_file_size}m", "max-file": str(logs.max_files)},
            },
            "deploy": _deploy(writer, service, machine),
        }
        stack.services[name] = {key: value for key, value in parts.items() if value}


def _environment(service: Service) -> dict[str, str]:
    """Swarm reads environments as templates; the machine's name is the one that is meant."""
    found: dict[str, str] = mapped(dict(service.environment), escaped)
    return {**found, **({"HOSTNAME": "{{.Node.Hostname}}"} if service.configuration else {})}


def _ports(service: Service) -> list[dict[str, Any]]:
    """On the machine itself: a core's own address leads to that core's edge and to no other."""
    return [
        {"target": port.number, "published": port.published, "protocol": port.protocol, "mode": "host"}
        for port in service.ports
        if port.published
    ]


def _volumes(writer: Writer, stack: Stack, service: Service, name: str) -> list[dict[str, Any] | str]:
    suffix = "-replica" if service.role == "replica" else ""
    wanted = {f"{key.replace('_', '-')}{suffix}": path for key, (_, path) in service.volumes.items()}
    if service.log:
        wanted[f"{name}-log"] = service.log
    stack.volumes |= {key: {} for key in wanted}
    tls, binds = writer.cluster.file.tls, dict(service.facts.binds)
    mounts: list[dict[str, Any] | str] = [
        {"type": "volume", "source": key, "target": path} for key, path in wanted.items()
    ]
    mounts += [{"type": "bind", "source": source, "target": path} for source, path in binds.items()]
    if service.edge and tls.source == "path":
        for path, folder in ((tls.certificate_path, "/app/tls"), (tls.key_path, "/app/tls-key")):
            mounts.append({"type": "bind", "source": posixpath.dirname(path), "target": folder, "read_only": True})
    return mounts


def _grace(writer: Writer, service: Service) -> str:
    usual = writer.cluster.file.lifecycle.kill_timeout
    return f"{seconds(usual) * PATIENCE:g}s" if service.database else usual


def _health(writer: Writer, service: Service) -> dict[str, Any] | None:
    test = probes.command(service)
    if test is None:
        return None
    patience = writer.cluster.file.update.healthy_deadline
    return {"test": test, "interval": "10s", "timeout": "5s", "retries": 3, "start_period": patience}


# -- configs and secrets -----------------------------------------------------------------------------------------------


def escaped(text: str) -> str:
    """`text` as a template of Swarm must say it to mean exactly that."""
    return _BRACES.sub(lambda found: '{{"' + found[0] + '"}}', text)


def templated(file: File) -> str:
    """A file with secrets as a templated config. `%q` writes printable text as JSON and YAML have it."""
    return "".join(escaped(part) if isinstance(part, str) else _lookup(part) for part in file.parts)


def _lookup(secret: Secret) -> str:
    found = f'secret "{secret.key}"'
    return f'{{{{ printf "%q" ({found}) }}}}' if secret.quoted else f"{{{{ {found} }}}}"


def _config(stack: Stack, service: Service, file: File, conf: str) -> dict[str, Any]:
    text = templated(file) if file.secrets else "".join(part for part in file.parts if isinstance(part, str))
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    key = f"{_named(service.component)}-{digest}"
    path = f"{_named(service.component)}/{digest}/{posixpath.basename(file.target)}"
    stack.files[f"conf/{path}"] = Entry(text)
    stack.configs[key] = {"file": f"{conf}/{path}", **({"template_driver": "golang"} if file.secrets else {})}
    return {"source": key, "target": file.target, **_readable(service, _PRIVATE if file.secrets else _PUBLIC)}


def _readable(service: Service, mode: Octal) -> dict[str, Any]:
    """Who may read a file in the container."""
    uid, _, gid = service.facts.user.partition(":")
    owner = {"uid": uid, "gid": gid} if uid and gid else {}
    return {**owner, "mode": mode}


def _secrets(writer: Writer, stack: Stack, service: Service) -> list[dict[str, Any]]:
    keys = list(service.secrets)
    if service.edge and writer.cluster.file.tls.source != "path":
        keys += [CERTIFICATE, KEY]
    stack.secrets |= {key: {"external": True, "name": secret_name(writer.cluster, key)} for key in keys}
    return [{"source": key, "target": key, **_readable(service, _PRIVATE)} for key in keys]


def secret_name(cluster: Cluster, key: str) -> str:
    """The name of the Swarm secret; a rotated one has its generation in it, since a secret never changes either."""
    generation = cluster.file.secrets.generations.get(key, 0)
    return f"pryv-{key}" + (f"-{generation}" if generation else "")


# -- deploy ------------------------------------------------------------------------------------------------------------


def _deploy(writer: Writer, service: Service, machine: Machine) -> dict[str, Any]:
    return {
        "replicas": service.replicas,
        "endpoint_mode": "dnsrr" if service.database else writer.endpoint_mode,
        "placement": {"constraints": [_place(writer, machine)]},
        "update_config": _update(writer, service),
        "rollback_config": {
            "parallelism": 1,
            "order": order(service),
            "monitor": writer.cluster.file.update.min_healthy_time,
            "failure_action": "pause",
        },
        "restart_policy": _restart(writer),
        "resources": {
            "limits": {"memory": f"{service.resources.memory_max or service.resources.memory}M"},
            "reservations": {"memory": f"{service.resources.memory}M"},
        },
    }


def order(service: Service) -> str:
    """start-first where an old and a new one may stand side by side for a moment."""
    return "start-first" if service.component in _TWICE else "stop-first"


def _update(writer: Writer, service: Service) -> dict[str, Any]:
    update = writer.cluster.file.update
    stays = service.database or not update.auto_revert
    migrates = writer.cluster.release.migrates and service.component == "core"
    return {
        "parallelism": 1,
        "order": order(service),
        "delay": update.min_healthy_time if service.replicas > 1 else "0s",
        "monitor": update.min_healthy_time,
        "max_failure_ratio": 0,
        "failure_action": "pause" if stays or migrates else "rollback",
    }


def _restart(writer: Writer) -> dict[str, Any]:
    """Nomad's mode `delay` never gives up; `fail` does, after its attempts."""
    restart = writer.cluster.file.lifecycle.restart
    limited = {"max_attempts": restart.attempts, "window": restart.interval} if restart.mode == "fail" else {}
    return {"condition": "any", "delay": restart.delay, **limited}


def _place(writer: Writer, machine: Machine) -> str:
    """The node with the label of the core or role, or the one that the cluster file names."""
    marked, file = writer.marked, writer.cluster.file
    if machine.role == "core":
        by_label = machine.cores[0].profile.pinned_by_name
        return f"node.labels.pryv_core == {marked.name}" if by_label else f"node.hostname == {marked.node}"
    named = {"replica": file.registry.replica or file.registry, "static": file.static}.get(machine.role, file.registry)
    return f"node.hostname == {named.node}" if named.node else f"node.labels.pryv_role == {machine.role}"


# -- words -------------------------------------------------------------------------------------------------------------


def _head(cluster: Cluster, name: str, said: tuple[str, ...]) -> list[str]:
    return [
        f"Stack of the {name} of {cluster.domain}, release {cluster.release.name}.",
        "Written by `pryv-nomad export swarm`; a change belongs in the cluster file.",
        "Not as in the cluster file:",
        *(f"- {sentence}" for sentence in said),
    ]


def _readme(cluster: Cluster, platform: tuple[Machine, ...], stacks: tuple[str, ...], said: tuple[str, ...]) -> str:
    path = cluster.file.tls.source == "path"
    certificates = () if path else (CERTIFICATE, KEY)
    secrets = "\n".join(
        f"    docker secret create {secret_name(cluster, key)} FILE" for key in (*secret_keys(platform), *certificates)
    )
    cores = "" if "platform" in stacks else "    docker stack deploy -c cores/NAME.yml pryv-NAME     # each core\n"
    others = "".join(f"    docker stack deploy -c {name}.yml pryv-{name}\n" for name in stacks)
    roles = [role for role in ("registry", "replica", "static", "single") if STACKS[role] in stacks]
    labels = "".join(f"    docker node update --label-add pryv_role={role} NODE\n" for role in roles)
    labels += (
        "" if "platform" in stacks else "    docker node update --label-add pryv_core=NAME NODE      # each core\n"
    )
    sentences = "".join(f"- {sentence}\n" for sentence in said)
    return f"""# {cluster.domain} on Docker Swarm

Release {cluster.release.name}. Label the machines (a machine has one role, and a core one machine):

{labels}
Make the secrets, each of a file that holds the value and nothing else, no line end either (`printf %s`):

{secrets}

Start the registry first, then cores, then the rest; the same again for a change:

{others}{cores}
Core's audit log goes to /dev/log of its machine, which must be there. Replaced configs stay until they are removed
(`docker config ls`, `docker config rm`).

Not as in the cluster file:

{sentences}"""
