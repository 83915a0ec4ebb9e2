"""What a user may write in `cluster.yml`: one frozen pydantic class a section.

These classes say names, types, defaults and meaning; `pryv-nomad schema` and docs/cluster-model.md are made from them.
What needs more than one value to judge is in `checks/`. What the rest of the tool reads is `cluster.Cluster`,
which `resolve.py` makes of a `ClusterFile`: ranges expanded, defaults filled in, the release looked up.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from pryv_nomad.model.gates import Gate, Hook, Notifications
from pryv_nomad.model.section import Section
from pryv_nomad.model.types import (
    Address,
    Domain,
    Duration,
    Label,
    Name,
    Operator,
    VariableKey,
    VariablePath,
    Version,
    VolumeSource,
    WaveSize,
)

AGENT = r"^https?://[A-Za-z0-9.:\[\]_-]+$"
"""The address of an agent: scheme, host and port."""


class Platform(Section):
    """The platform itself."""

    domain: Domain
    """Domain of the platform; users live at USERNAME.DOMAIN."""
    name: Name
    """Public name of the service, shown by /service/info."""
    region: Name = "global"
    """Nomad region that runs the platform."""
    namespace: str = Field("default", pattern=r"^[a-zA-Z0-9-]{1,128}$")
    """Nomad namespace; one platform a namespace."""
    single_machine: bool = False
    """All roles run on one machine, behind one edge (`pryv-edge`)."""


class Hosting(Section):
    """A place where users' data lives, as a user picks it at registration."""

    datacenter: Name
    """Nomad datacenter of this hosting's machines."""
    url: str
    """Provider's site: http(s)://host, without a path (the register refuses one)."""
    name: str = ""
    """Name shown to users; default: the hosting's key."""
    description: str = ""
    """Description shown to users, such as `Europe - Switzerland`."""


class Constraint(Section):
    """A Nomad constraint, in Nomad's words."""

    attribute: Name
    """Such as `${node.class}` or `${attr.cpu.arch}`."""
    operator: Operator = "="
    """Nomad's operator: =, !=, <, regexp, version, set_contains, is_set …"""
    value: str = ""
    """What the attribute is compared with."""


class ComponentResources(Section):
    """What one task may use."""

    cpu: int | None = Field(None, ge=1)
    """MHz."""
    memory: int | None = Field(None, ge=10)
    """MB."""
    memory_max: int | None = Field(None, ge=10)
    """MB, the limit where the cluster allows oversubscription."""


class Volume(Section):
    """Where one kind of state lives."""

    type: Literal["host", "csi"] = "host"
    """A host volume of the Nomad client, or a CSI volume."""
    source: VolumeSource
    """The volume's name; {core} stands for the core's name."""


class VolumeSet(Section):
    """The volumes of a platform, a name (host volume) or a `{type, source}` each."""

    core_data: VolumeSource | Volume | None = None
    """Attachments, previews and user files of a core (shared by core, hfs, preview and webhooks)."""
    mongodb_data: VolumeSource | Volume | None = None
    """MongoDB's data folder."""
    mongodb_backup: VolumeSource | Volume | None = None
    """MongoDB's backup folder."""
    influxdb_data: VolumeSource | Volume | None = None
    """InfluxDB's data folder."""
    influxdb_backup: VolumeSource | Volume | None = None
    """InfluxDB's backup folder."""
    redis_data: VolumeSource | Volume | None = None
    """The registry's redis (and its replica's, on its own machine)."""
    registry_files: VolumeSource | Volume | None = None
    """The last good register.json and dns.json, where followers run (`registry.follower`)."""


class CoreEntry(Section):
    """One core, or a range of cores that differ in name only."""

    name: str
    """`co1`, or a range: `co[1-500]`, `co[01-20]`, `co[1-3,7]`."""
    hosting: Name
    """A key of `hostings`."""
    ip: Address | tuple[Address, ...] | None = None
    """Public address (a range: one each). Without it: the node's meta pryv_public_ip, else the node's address."""
    external: bool = False
    """Still runs outside Nomad (docker-compose): listed in the registry, not deployed. Needs `ip`."""
    node: Name | None = None
    """Name of the Nomad node that runs it, in place of the constraint on the node's meta pryv_core."""
    node_class: Name | None = None
    """A key of `node_classes`: constrains the core to it and checks that the core fits."""
    procs: int | None = Field(None, ge=1, le=64)
    """NUM_PROCS of core: API processes, one a CPU."""
    hfs_procs: int | None = Field(None, ge=1, le=64)
    """NUM_PROCS of hfs."""
    volumes: VolumeSet = VolumeSet()
    """Volumes in place of the platform's."""
    resources: dict[str, ComponentResources] = {}
    """Resources in place of the platform's, by component."""
    constraints: tuple[Constraint, ...] = ()
    """Further constraints."""
    canary_weight: int | None = Field(None, ge=0, le=100)
    """Percent of requests for the canary; see `update.canary_weight`."""


class Machine(Section):
    """Where a role that is not a core runs."""

    ip: Address | None = None
    """Public address; without it, the node's meta pryv_public_ip, else the node's address."""
    datacenter: Name | None = None
    """Default: the first of `datacenters`."""
    node: Name | None = None
    """Name of the Nomad node, in place of the constraint on the node's meta pryv_role."""
    constraints: tuple[Constraint, ...] = ()
    """Further constraints."""


class Replica(Machine):
    """The second registry machine: dns and a replica of redis (`reg-slave` of the original)."""

    interface_ip: Address | None = None
    """Address of the interface that dns is bound to, where it is not `ip`."""


class Register(Section):
    """The register component."""

    instances: int = Field(2, ge=1, le=16)
    """Processes behind the edge; two or more let a changed list of cores reach them without an outage."""


class Switch(Section):
    """A component that can be left out."""

    enabled: bool = True
    """Whether it runs."""


class Follower(Section):
    """The task beside each register and name server that checks a changed list of cores and reloads one at a time."""

    enabled: bool | None = None
    """Whether it runs; needs the image of this tool on the Nomad clients. Default: where `bridge` is enabled or
    `images.pryv_nomad` is given; elsewhere the processes restart by themselves, each after a random pause."""
    cpu: int = Field(50, ge=1)
    """MHz."""
    memory: int = Field(128, ge=1)
    """MB."""


class Registry(Machine):
    """The registry: register, redis, dns, mail, edge (`reg-master` of the original)."""

    interface_ip: Address | None = None
    """Address of the interface that dns is bound to, where it is not `ip`."""
    private_ip: Address | None = None
    """Address at which the replica reaches redis (the secure line of the original)."""
    register_: Register = Field(Register(), alias="register")
    """What registers users and tells clients where they are."""
    dns: Switch = Switch()
    """The platform's own name server."""
    mail: Switch = Switch()
    """Sends welcome and password-reset mails."""
    admin_panel: Switch = Switch(enabled=False)
    """Front end of config-leader; has nothing to edit here, so off by default."""
    follower: Follower = Follower()
    """What brings a changed list of cores to the registers and name servers."""
    replica: Replica | None = None
    """A second machine with dns and a redis replica."""


class Static(Machine):
    """The static site: app-web-auth3 at sw.DOMAIN, the MFA app at mfa.DOMAIN."""


class ImageCredentials(Section):
    """Where the pull credentials are; never what they are."""

    variable: VariablePath = "nomad/jobs"
    """Path of the Nomad Variable that holds them."""
    username_key: VariableKey = "IMAGE_REGISTRY_USERNAME"
    """Its key with the user name."""
    password_key: VariableKey = "IMAGE_REGISTRY_PASSWORD"  # noqa: S105 - the name of a key, not a password
    """Its key with the password."""


class Images(Section):
    """Where container images come from."""

    registry: str | None = None
    """Host put before each image name, such as a mirror; default: as the release says."""
    credentials: ImageCredentials | None = None
    """Pull credentials by reference; default: those of the Nomad client's docker plugin."""
    overrides: dict[str, str] = {}
    """An image in place of the release's, by component."""
    force_pull: bool = False
    """Pull even when the image is there."""
    pryv_nomad: str | None = None
    """Image of this tool for the jobs of ours; default: pryv-nomad:VERSION."""


class Update(Section):
    """How a change reaches running jobs."""

    canary: int = Field(1, ge=0, le=1)
    """Canaries of a core's api group; 0 replaces in place."""
    canary_weight: int = Field(0, ge=0, le=100)
    """Percent of a core's requests for its canary; 0: probes only."""
    auto_promote: bool = False
    """Nomad promotes healthy canaries by itself."""
    auto_revert: bool = True
    """Nomad goes back to the last stable version when a deployment fails."""
    max_unavailable: int = Field(1, ge=1)
    """Cores of one hosting that may be down at once during a run."""
    min_healthy_time: Duration = "15s"
    """How long a new allocation must be healthy before it counts."""
    healthy_deadline: Duration = "5m"
    """How long it may take to become healthy."""
    progress_deadline: Duration = "10m"
    """How long a deployment may go without progress."""


class Rollout(Section):
    """How a change goes over the cores: in waves, each ended by gates."""

    strategy: Literal["canary", "rolling", "all-at-once"] = "canary"
    """canary: wave by wave; rolling: one wave, core by core; all-at-once: one wave, all cores at once."""
    waves: Literal["hosting"] | tuple[WaveSize, ...] = ("1", "10%", "50%", "100%")
    """How many cores are changed by the end of each wave, as a number or a share; or `hosting`: one after the other."""
    first: Name | None = None
    """The core of the first wave, alone; default: the waves take the cores of all hostings in turn."""
    pause: Duration = "0s"
    """Time between two waves."""
    failure_budget: int = Field(0, ge=0)
    """Cores that may fail before nothing more is begun."""
    promotion: Literal["automatic", "manual"] = "automatic"
    """Healthy canaries are promoted by the rollout, or wait for `pryv-nomad rollout promote`."""
    gates: tuple[Gate, ...] = ()
    """What must hold after each wave and before each promotion."""
    hooks: tuple[Hook, ...] = ()
    """What is called before and after the rollout and its waves, and on a failure."""
    notifications: Notifications = Notifications()
    """Who is told of each transition."""


class Restart(Section):
    """Nomad's restart policy of every task."""

    attempts: int = Field(3, ge=0)
    """Restarts within `interval`."""
    interval: Duration = "5m"
    """Window of `attempts`."""
    delay: Duration = "15s"
    """Pause before a restart."""
    mode: Literal["fail", "delay"] = "delay"
    """What happens after the last attempt; a pinned core has nowhere else to go, so it waits and tries again."""


DATABASE_PATIENCE = 10
"""How many times the usual kill timeout a database gets: killed while it writes, it has to repair itself."""


class Lifecycle(Section):
    """How tasks end, restart and outlive a lost connection."""

    kill_timeout: Duration = "30s"
    """Time between the stop signal and the kill (databases get ten times as much)."""
    shutdown_delay: Duration = "5s"
    """Time between leaving Consul and the stop signal."""
    disconnect: Duration = "12h"
    """How long an unreachable node's allocations are kept rather than replaced."""
    restart: Restart = Restart()
    """Restart policy."""


class Logs(Section):
    """Nomad's rotation of each task's stdout and stderr."""

    max_files: int = Field(10, ge=1, le=100)
    """Files kept."""
    max_file_size: int = Field(10, ge=1, le=1000)
    """MB a file."""


class Network(Section):
    """Host networks of the Nomad clients."""

    private: Name = "private"
    """Where everything but the edges and dns listens; MongoDB, InfluxDB, redis and NATS have no authentication."""
    public: Name | None = None
    """Where the edges and dns listen; default: the client's own interface."""
    allow_public_backends: bool = False
    """Leave out the private network. Only for a machine behind a firewall."""


class Acme(Section):
    """Renewal of the wildcard certificate over ACME DNS-01, through the platform's own dns."""

    enabled: bool = False
    """Whether the periodic job runs."""
    email: str = ""
    """Contact of the ACME account."""
    production: bool = True
    """Let's Encrypt's production service, or its staging one."""
    schedule: str = "17 3 * * *"
    """Cron schedule, UTC."""


class Tls(Section):
    """Where the wildcard certificate and its key come from."""

    source: Literal["variables", "vault", "path"] = "variables"
    """Nomad Variables (`pryv-nomad secrets tls`), Vault, or files on the machines."""
    vault_path: str = ""
    """Vault: path of a KV v2 secret with the keys certificate and key, such as `secret/data/pryv/tls`."""
    vault_policies: tuple[str, ...] = ()
    """Vault: policies of the token of the edges' tasks."""
    certificate_path: str = ""
    """Path: the certificate with its chain (PEM), on every machine with an edge."""
    key_path: str = ""
    """Path: the private key (PEM)."""
    acme: Acme = Acme()
    """Renewal."""


class Secrets(Section):
    """What a rotation leaves in the file; the values themselves are in Nomad Variables."""

    generations: dict[str, int] = {}
    """How often each secret was rotated, by key; `pryv-nomad secrets rotate` counts. A new count rolls its jobs."""


class Bridge(Section):
    """The job that keeps the cores registered in Consul (`pryv-nomad bridge`)."""

    enabled: bool = False
    """Run it in the cluster; needs the image of this tool on the Nomad clients."""
    count: int = Field(2, ge=1, le=9)
    """How many; one leads, the others stand by."""
    nomad_address: str = Field("http://127.0.0.1:4646", pattern=AGENT)
    """Nomad's agent, as seen from each machine."""
    consul_address: str = Field("http://127.0.0.1:8500", pattern=AGENT)
    """Consul's agent, as seen from each machine."""
    cpu: int = Field(200, ge=1)
    """MHz."""
    memory: int = Field(256, ge=1)
    """MB; 256 are enough for 10,000 cores."""


class NomadTarget(Section):
    """The Nomad that runs the platform."""

    version: Literal["1.6", "2.0"] = "1.6"
    """Picks what differs in job specs between 1.6 and 2.x."""


class NodeClass(Section):
    """What a class of machines has, to check that cores fit."""

    cpu: int = Field(ge=1)
    """MHz of a machine."""
    memory: int = Field(ge=1)
    """MB of a machine."""


class ClusterFile(Section):
    """A whole cluster file."""

    platform: Platform
    """The platform itself."""
    release: Version
    """Name of the release, such as 1.9.2; `pryv-nomad schema --releases` lists them."""
    releases: Name | None = None
    """Folder with further release files, relative to the cluster file."""
    datacenters: tuple[Name, ...] = Field(min_length=1)
    """Nomad datacenters of the platform; the registry and the static site run in the first."""
    hostings: dict[Label, Hosting] = Field(min_length=1)
    """The hostings, by their key."""
    cores: tuple[CoreEntry, ...]
    """The cores."""
    registry: Registry = Registry()
    """The registry."""
    static: Static = Static()
    """The static site."""
    settings: dict[str, Any] = {}
    """Platform variables of the release, by their own names."""
    images: Images = Images()
    """Where images come from."""
    update: Update = Update()
    """How a change reaches running jobs."""
    rollout: Rollout = Rollout()
    """How a change goes over the cores."""
    lifecycle: Lifecycle = Lifecycle()
    """How tasks end, restart and outlive a lost connection."""
    logs: Logs = Logs()
    """Log rotation."""
    network: Network = Network()
    """Host networks."""
    tls: Tls = Tls()
    """The wildcard certificate."""
    secrets: Secrets = Secrets()
    """Rotations of secrets."""
    volumes: VolumeSet = VolumeSet()
    """Volumes of the platform."""
    resources: dict[str, ComponentResources] = {}
    """Resources by component, in place of the release's defaults."""
    node_classes: dict[str, NodeClass] = {}
    """Classes of machines."""
    constraints: tuple[Constraint, ...] = ()
    """Constraints of every job."""
    bridge: Bridge = Bridge()
    """The job that keeps the cores registered in Consul."""
    nomad: NomadTarget = NomadTarget()
    """The Nomad that runs the platform."""
