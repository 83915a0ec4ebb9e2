"""docker compose: a folder a machine role, laid out as a platform under docker compose has it today.

`ROLE/pryv.yml` with `ROLE/COMPONENT/conf/…` beside it, to be installed as $PRYV_CONF_ROOT/pryv on each machine. Files
that hold secrets are written as templates, and `fill-secrets` puts the values of `secrets.env` in on the machine.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pryv_nomad.exports import limits
from pryv_nomad.exports.document import Raw, dollars, yaml_text
from pryv_nomad.exports.fill import marks, script, template
from pryv_nomad.exports.folder import Entry, Tree
from pryv_nomad.exports.roles import MAIL_TEMPLATES, Machine, Port, Service, Target, machines, private_line
from pryv_nomad.model.cluster import Cluster, Core
from pryv_nomad.settings.nginx_blocks import Edge

ROOT = "${PRYV_CONF_ROOT:?name the folder that holds pryv/}/pryv"
ROLES = {"core": "core", "registry": "reg-master", "replica": "reg-slave", "static": "static", "single": "singlenode"}
"""Role → its folder, by the names that config-leader uses."""

_SERVICES = {"nginx": "reverse_proxy"}
_ORDER = (
    *("nginx", "admin_panel", "app_web_auth3", "register", "dns", "redis"),
    *("core", "mfa", "mail", "preview", "hfs", "webhooks", "mongodb", "influxdb"),
)
_CERTIFICATE_FOLDERS = ("/app/tls", "/app/tls-key")


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of one machine's folder, and the cores that it is for."""

    name: str
    machine: Machine
    tree: dict[str, Entry]
    cores: tuple[Core, ...]


def tree(cluster: Cluster) -> Tree:
    """All files of the export. Raises ClusterFileError, SpecError."""
    said = limits.of_compose(cluster)
    folders = _folders(cluster, said)
    found = {f"{folder.name}/{path}": entry for folder in folders for path, entry in folder.tree.items()}
    return {"README.md": Entry(_readme(cluster, folders, said)), **found}


def _folders(cluster: Cluster, said: tuple[str, ...]) -> list[Folder]:
    """Machines with equal files share a folder: many things that tell cores apart do not matter here."""
    alike: dict[tuple[str, tuple[tuple[str, Entry], ...]], Folder] = {}
    for machine in machines(cluster, Target(lambda *asked: _host(cluster, *asked), _edge(cluster))):
        files = _files(cluster, machine, said)
        key = (machine.role, tuple(sorted(files.items())))
        cores = (*alike[key].cores, *machine.cores) if key in alike else machine.cores
        alike[key] = Folder(ROLES[machine.role], machine, files, cores)
    several = sum(folder.machine.role == "core" for folder in alike.values()) > 1
    return [_named(folder, several) for folder in alike.values()]


def _named(folder: Folder, several: bool) -> Folder:
    """`core`, or where the cores are not all alike `core-NAME`, after the first of those that are."""
    if not several or folder.machine.role != "core":
        return folder
    return Folder(f"core-{folder.cores[0].name}", folder.machine, folder.tree, folder.cores)


def _host(cluster: Cluster, component: str, role: str, replica: bool) -> str:
    """Services find each other by name on their machine; the replica's machine goes over the private line."""
    away = role == "replica" and (component == "register" or (component == "redis" and not replica))
    return private_line(cluster) if away else component


def _edge(cluster: Cluster) -> Edge:
    tls = cluster.file.tls
    if tls.source != "path":
        return Edge()
    places = zip(_CERTIFICATE_FOLDERS, (tls.certificate_path, tls.key_path), strict=True)
    certificate, key = (posixpath.join(folder, posixpath.basename(path)) for folder, path in places)
    return Edge(certificate=certificate, key=key)


def _files(cluster: Cluster, machine: Machine, said: tuple[str, ...]) -> dict[str, Entry]:
    """The folder of a machine."""
    files = {"pryv.yml": Entry(yaml_text(dollars(_project(cluster, machine)), _head(cluster, machine, said)))}
    stem = marks(file for service in machine.services for file in service.files)
    secrets: dict[str, None] = {}
    for service in machine.services:
        for file in service.files:
            place = _inside(service, file.target)
            if file.secrets:
                files[f"templates/{place}"] = Entry(template(file, stem))
                secrets |= dict.fromkeys(file.secrets)
            else:
                files[place] = Entry("".join(part for part in file.parts if isinstance(part, str)))
    if secrets:
        files["fill-secrets"] = Entry(script(stem), 0o755)
        files["secrets.env"] = Entry(_secrets_env(cluster, secrets), 0o600)
    return files


def _inside(service: Service, target: str) -> str:
    """Where a file of the container stands in the machine's folder."""
    for folder, below in ((MAIL_TEMPLATES, "templates"), (service.configuration, "conf")):
        if target.startswith(f"{folder}/"):
            return f"{service.component}/{below}/{target.removeprefix(f'{folder}/')}"
    raise ValueError(f"{target} is in no folder of {service.component}")


def _secrets_env(cluster: Cluster, secrets: Mapping[str, None]) -> str:
    lines = ["# KEY=VALUE, a line each, the value to the letter without quotes; then run ./fill-secrets", ""]
    for key in secrets:
        known = cluster.catalogue.secrets.get(key)
        lines += [f"# {' '.join(known.description.split())}"] if known else []
        lines += [f"{key}=", ""]
    return "\n".join(lines)


# -- pryv.yml --------------------------------------------------------------------------------------------------------


def _project(cluster: Cluster, machine: Machine) -> dict[str, Any]:
    present = {service.component: service for service in machine.services}
    services = [
        present[name] for name in (*_ORDER, *(name for name in present if name not in _ORDER)) if name in present
    ]
    used = {network for service in services for network in _networks(service, machine)}
    return {
        "services": {service_name(service): _service(cluster, service, machine) for service in services},
        "networks": {
            name: {"driver": "bridge", "name": f"pryv_{name}"} for name in ("frontend", "backend") if name in used
        },
    }


def service_name(service: Service) -> str:
    """Its name in pryv.yml."""
    return _SERVICES.get(service.component, service.component)


def _service(cluster: Cluster, service: Service, machine: Machine) -> dict[str, Any]:
    logs = cluster.file.logs
    parts: dict[str, Any] = {
        "image": service.image,
        "pull_policy": "always" if cluster.file.images.force_pull else "",
        "container_name": f"pryvio_{service.component}",
        "networks": _networks(service, machine),
        "ports": [_published(port) for port in service.ports if port.published] + _lined(cluster, service),
        "volumes": [*_volumes(cluster, service)],
        "environment": {
            **service.environment,
            **({"HOSTNAME": Raw("${HOSTNAME:-}")} if service.configuration else {}),
        },
        "depends_on": sorted(need for need in service.needs if _is_beside(need, service, machine)),
        "restart": "always",
        "logging": {
            "driver": "json-file",
            "options": {"max-size": f"{logs.max_file_size}m", "max-file": str(logs.max_files)},
        },
    }
    return {key: value for key, value in parts.items() if value}


def _is_beside(need: str, service: Service, machine: Machine) -> bool:
    away = service.role == "replica" and not (need == "redis" and service.component == "dns")
    return not away and need != service.component and any(other.component == need for other in machine.services)


def _networks(service: Service, machine: Machine) -> list[str]:
    """Databases and those who ask them share one network; what the edge or others ask is on the other."""
    data = {other.component for other in machine.services if other.database}
    asks = service.database or bool(service.needs & data)
    answers = not service.database and bool(service.ports)
    return [name for name, there in (("frontend", answers), ("backend", asks)) if there]


def _published(port: Port) -> str:
    number = f"{port.published}:{port.number}{'' if port.protocol == 'tcp' else f'/{port.protocol}'}"
    return f"{_bracketed(port.address)}:{number}" if port.address else number


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _lined(cluster: Cluster, service: Service) -> list[str]:
    """What the replica's machine asks of the registry's, on the private line only."""
    if (
        service.role != "registry"
        or service.component not in ("redis", "register")
        or not cluster.file.registry.replica
    ):
        return []
    line = _bracketed(private_line(cluster))
    return [f"{line}:{port.number}:{port.number}" for port in service.ports]


def _volumes(cluster: Cluster, service: Service) -> Iterator[str]:
    name = service.component
    if service.configuration:
        yield Raw(f"{ROOT}/{name}/conf/:{service.configuration}/:ro")
    for key, (_, path) in service.volumes.items():
        owner, _, kind = key.rpartition("_")
        yield Raw(f"{ROOT}/{owner}/{kind}/:{path}/")
    if service.log:
        yield Raw(f"{ROOT}/{name}/log/:{service.log}/")
    if any(file.target.startswith(f"{MAIL_TEMPLATES}/") for file in service.files):
        yield Raw(f"{ROOT}/{name}/templates/:{MAIL_TEMPLATES}/:ro")
    for source, path in service.facts.binds.items():
        yield f"{source}:{path}"
    tls = cluster.file.tls
    if service.edge and tls.source == "path":
        for path, folder in zip((tls.certificate_path, tls.key_path), _CERTIFICATE_FOLDERS, strict=True):
            yield f"{posixpath.dirname(path)}/:{folder}/:ro"


# -- words -----------------------------------------------------------------------------------------------------------


def _head(cluster: Cluster, machine: Machine, said: tuple[str, ...]) -> list[str]:
    return [
        f"Machine of the role {ROLES[machine.role]} of {cluster.domain}, release {cluster.release.name}.",
        "Written by `pryv-nomad export compose`; a change belongs in the cluster file.",
        "Not as in the cluster file:",
        *(f"- {sentence}" for sentence in said),
    ]


def _readme(cluster: Cluster, folders: list[Folder], said: tuple[str, ...]) -> str:
    rows = "".join(f"| `{folder.name}/` | {_whom(cluster, folder)} |\n" for folder in folders)
    sentences = "".join(f"- {sentence}\n" for sentence in said)
    tls = cluster.file.tls
    certificate = (
        f"The certificate lies at {tls.certificate_path} and {tls.key_path} on every machine."
        if tls.source == "path"
        else f"Put the certificate and its key into `nginx/conf/secret/` as `{cluster.domain}-bundle.crt` and "
        f"`{cluster.domain}-key.pem` (mode 0600)."
    )
    return f"""# {cluster.domain} on docker compose

Release {cluster.release.name}. One folder a machine role; copy it to each of its machines, as `pryv` below a folder of
your choice, and name that folder in PRYV_CONF_ROOT.

| folder | machines |
| --- | --- |
{rows}
On each machine:

    export PRYV_CONF_ROOT=/var/pryv HOSTNAME
    cd $PRYV_CONF_ROOT/pryv
    vi secrets.env && ./fill-secrets      # where the folder has them; fill in the same keys on all machines
    docker compose -f pryv.yml up -d

Data folders (`*/data`, `*/backup`, `*/log`) must belong to 9999:9999. {certificate}

Not as in the cluster file:

{sentences}"""


def _whom(cluster: Cluster, folder: Folder) -> str:
    registry = cluster.file.registry
    addresses = {
        "registry": registry.ip,
        "replica": registry.replica.ip if registry.replica else None,
        "static": cluster.file.static.ip,
        "single": registry.ip,
    }
    if folder.machine.role == "core":
        return ", ".join(f"{core.name} ({core.ip})" for core in folder.cores)
    return addresses[folder.machine.role] or "the one of this role"
