"""The tasks beside a register or a name server that bring a changed list of cores to it (docs/registry.md).

`restore`, before it starts, puts the last good file in place and asks nobody, so that a newly placed allocation starts
while Consul is empty or gone. `follow` checks each candidate that its template writes, swaps it in, and restarts the
process when it is its turn. The process itself has no template: nothing of Consul stands in the way of its start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pryv_nomad.model.cluster import Cluster, Resources
from pryv_nomad.model.release import Health
from pryv_nomad.specs.escape import Raw, interpolated
from pryv_nomad.specs.places import label, service_name
from pryv_nomad.specs.tasks import Mount, Port, Service, Task, VolumeUse
from pryv_nomad.specs.templates import ConfigTemplate, Waiting, pull_credentials, token_template

FOLLOWED: Mapping[str, str] = {"register": "http", "dns": "dns"}
"""Component → the port at which it is asked whether it is well."""

PORT = "follow"
CANDIDATES = "secrets/candidate"
LIVE = "registry"
"""Folder of the allocation that the process mounts; docker mounts it as it is, so a renamed file is seen."""
GOOD = "/registry"
WAITING = Waiting("50ms", "1s", "0s")
RESTORE = Resources(cpu=50, memory=64)
KILL_TIMEOUT = "15s"
"""Time to give the lock back."""


@dataclass(frozen=True, slots=True)
class Command:
    """The arguments of the two tasks; `${…}` in them is Nomad's."""

    restore: tuple[Raw, ...]
    follow: tuple[Raw, ...]


def followed(
    cluster: Cluster, name: str, job: str, task: Task, generations: Mapping[str, int]
) -> tuple[dict[str, Task], Command]:
    """The task of component `name` of a job without its templates, and the tasks beside it; and their arguments."""
    files = [file for file in task.templates if file.folder]
    rest = tuple(file for file in task.templates if not file.folder)
    folders = {file.folder for file in files}
    live = Mount(f"../alloc/{LIVE}", cluster.component(name).configuration, True)
    mounts = tuple(mount for mount in task.mounts if mount.source not in folders)
    process = replace(task, templates=rest, mounts=(live, *mounts), services=_checked(task.services))
    restore = _own(cluster, "restore", RESTORE, generations, ())
    follower = cluster.file.registry.follower
    resources = Resources(cpu=follower.cpu, memory=follower.memory)
    more = (*map(_candidate, files), token_template(job))
    follow = _own(cluster, "follow", resources, generations, more)
    role = task.services[0].tag
    follow = replace(follow, ports=(_port(cluster),), services=(_service(role),), environment=_environment(cluster))
    return {name: process, "restore": restore, "follow": follow}, _command(cluster, name, files[0])


def _own(
    cluster: Cluster,
    name: str,
    resources: Resources,
    generations: Mapping[str, int],
    templates: tuple[ConfigTemplate, ...],
) -> Task:
    """A task of ours, with the volume of the last good files."""
    volume = cluster.volume("registry_files")
    use = VolumeUse("registry_files", volume.type, interpolated(volume.source), GOOD, "multi-node-multi-writer")
    return Task(
        name=name,
        image=cluster.own_image,
        ports=(),
        services=(),
        volumes=(use,),
        templates=(*templates, *pull_credentials(cluster, generations)),
        mounts=(),
        environment={},
        resources=resources,
        kill_timeout=KILL_TIMEOUT,
        database=False,
        singleton=False,
        vault=False,
    )


def _candidate(file: ConfigTemplate) -> ConfigTemplate:
    name = file.destination.rpartition("/")[2]
    return replace(file, destination=f"{CANDIDATES}/{name}", folder="", change_mode="noop", waiting=WAITING)


def _checked(services: tuple[Service, ...]) -> tuple[Service, ...]:
    """The process's service fails while its follower takes it off the edge's list."""
    return tuple(replace(service, follower=PORT) for service in services)


def _port(cluster: Cluster) -> Port:
    network = cluster.file.network
    return Port(PORT, 0, 0, "" if network.allow_public_backends else network.private)


def _service(role: Raw) -> Service:
    health = Health(type="http", path="/healthz", port=PORT)
    return Service("pryv-follower", PORT, role, role, {}, health, "follow", advisory=True)


def _environment(cluster: Cluster) -> dict[str, str | Raw]:
    return {"CONSUL_HTTP_ADDR": cluster.file.bridge.consul_address}


def _command(cluster: Cluster, name: str, file: ConfigTemplate) -> Command:
    base = file.destination.rpartition("/")[2]
    port = FOLLOWED[name]
    there = f"NOMAD_HOST_ADDR_{label(name, port)}"
    probes = {
        "register": f"http://${{{there}}}{cluster.component(name).health.path}",
        "dns": f"dns://${{{there}}}/reg.{cluster.domain}",
    }
    files = {"live": f"${{NOMAD_ALLOC_DIR}}/{LIVE}/{base}", "good": f"{GOOD}/{base}"}
    follow = {
        "domain": cluster.domain,
        "candidate": f"${{NOMAD_SECRETS_DIR}}/candidate/{base}",
        **files,
        "service": service_name(cluster.release, name, port),
        "instance": f"${{{there}}}",
        "probe": probes[name],
        "task": name.replace("_", "-"),
        "listen": f"${{NOMAD_HOST_ADDR_{PORT}}}",
        "name": "${NOMAD_JOB_NAME}-${NOMAD_ALLOC_INDEX}",
    }
    extra = ("--no-edge",) if name == "dns" else ()
    return Command(_arguments("restore", files), _arguments("follow", follow, *extra))


def _arguments(verb: str, options: Mapping[str, str], *more: str) -> tuple[Raw, ...]:
    """Arguments as HCL strings that Nomad interpolates. Nothing in them is free text: names, paths and a domain."""
    words = ["registry", verb, *(word for key, value in options.items() for word in (f"--{key}", value)), *more]
    return tuple(Raw(f'"{word}"') for word in words)
