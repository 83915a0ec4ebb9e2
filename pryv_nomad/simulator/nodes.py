"""Client nodes: what they are, what they offer, and what runs on them.

`NodeSpec` is what a user writes (a file for `--nodes`, or the body of `PUT /v1/simulator/nodes`); `Node` is the node as
the simulated cluster knows it, with its use. Shapes of the JSON: `api/nodes.go` of Nomad 1.6.5.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pryv_nomad.simulator.clock import SECOND
from pryv_nomad.simulator.errors import Refusal
from pryv_nomad.simulator.times import rfc3339

Json = dict[str, Any]

MIN_DYNAMIC_PORT = 20_000
MAX_DYNAMIC_PORT = 32_000

_DRIVERS = ("docker", "raw_exec", "exec")
_SIGNALS = "SIGABRT,SIGALRM,SIGHUP,SIGINT,SIGKILL,SIGQUIT,SIGTERM,SIGUSR1,SIGUSR2"


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A node as asked for. `cpu` in MHz, `memory` and `disk` in MB; `host_networks` maps a name to an address,
    `host_volumes` a name to a path (or to `{"path": …, "read_only": …}`); `drivers` are those that are healthy."""

    name: str
    datacenter: str = "dc1"
    address: str = ""
    node_class: str = ""
    node_pool: str = "default"
    meta: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    drivers: tuple[str, ...] = _DRIVERS
    host_networks: Mapping[str, str] = field(default_factory=dict)
    host_volumes: Mapping[str, Any] = field(default_factory=dict)
    cpu: int = 8_000
    memory: int = 16_384
    disk: int = 200_000

    @classmethod
    def from_json(cls, given: Json) -> NodeSpec:
        """Read one node of a nodes file; raises `Refusal` (400) naming what is wrong."""
        known = {item.name for item in fields(cls)}
        unknown = sorted(set(given) - known)
        if unknown:
            raise Refusal(400, f"unknown key of a node: {', '.join(unknown)} (known: {', '.join(sorted(known))})")
        if not isinstance(given.get("name"), str) or not given["name"]:
            raise Refusal(400, "a node needs a name")
        values = dict(given)
        if "drivers" in values:
            values["drivers"] = tuple(values["drivers"])
        return cls(**values)


@dataclass(slots=True)
class Node:
    """A node of the simulated cluster. `status`: ready, down, disconnected; `processes` tells whether the machine still
    runs its tasks (a partition leaves them running, a crash does not)."""

    id: str
    spec: NodeSpec
    address: str
    attributes: dict[str, str]
    meta: dict[str, str]
    create_index: int
    modify_index: int
    updated_at: int
    status: str = "ready"
    eligibility: str = "eligible"
    drain: Json | None = None
    last_drain: Json | None = None
    events: list[Json] = field(default_factory=list)
    processes: bool = True
    # No heartbeat comes through; the server notices a while later.
    silent: bool = False
    computed_class: str = ""
    # What allocations that are not terminal take: MHz, MB, MB, and (address, port) -> allocation.
    cpu_used: int = 0
    memory_used: int = 0
    disk_used: int = 0
    ports: dict[tuple[str, int], str] = field(default_factory=dict)
    allocs: dict[str, None] = field(default_factory=dict)
    # Allocations that are to stop and have not stopped yet: a drain waits for them.
    stopping: dict[str, None] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def ready(self) -> bool:
        """Whether new allocations may be placed here."""
        return self.status == "ready" and self.eligibility == "eligible"

    @property
    def tainted(self) -> bool:
        """Whether allocations here need the scheduler's attention."""
        return self.status != "ready" or self.drain is not None

    def address_of(self, network: str) -> str | None:
        """The address of a host network, None when the node does not have it."""
        if network in ("", "default"):
            return self.address
        given = self.spec.host_networks.get(network)
        return None if given is None else (given.split("/")[0] or self.address)

    def read_only_volume(self, source: str) -> bool | None:
        """Whether the host volume is read-only; None when the node does not have it."""
        volume = self.spec.host_volumes.get(source)
        if volume is None:
            return None
        return bool(volume.get("read_only")) if isinstance(volume, Mapping) else False


def made_node(spec: NodeSpec, node_id: str, number: int, index: int, now: int) -> Node:
    """A node that has just registered. `number` gives an address (10.x.y.z) to one that names none."""
    address = spec.address or f"10.{100 + number // 62_500}.{number // 250 % 250}.{number % 250 + 1}"
    attributes = {
        "cpu.arch": "amd64", "cpu.numcores": str(max(1, spec.cpu // 2000)), "cpu.totalcompute": str(spec.cpu),
        "kernel.name": "linux", "kernel.arch": "x86_64", "memory.totalbytes": str(spec.memory * 1024 * 1024),
        "nomad.version": "1.6.5", "nomad.service_discovery": "true", "consul.version": "1.14.11",
        "os.name": "debian", "os.signals": _SIGNALS, "unique.hostname": spec.name,
        "unique.network.ip-address": address,
    }  # fmt: skip
    for driver in spec.drivers:
        attributes[f"driver.{driver}"] = "1"
    attributes.update(spec.attributes)
    node = Node(node_id, spec, address, attributes, dict(spec.meta), index, index, now)
    node.computed_class = computed_class(node)
    add_event(node, now, "Cluster", "Node registered")
    return node


def add_event(node: Node, now: int, subsystem: str, message: str) -> None:
    """Write down what happened to a node; ten events are kept, as in Nomad."""
    event = {"CreateIndex": 0, "Details": None, "Message": message, "Subsystem": subsystem, "Timestamp": rfc3339(now)}
    node.events = [*node.events, event][-10:]


def _drivers(node: Node) -> Json:
    stamp = rfc3339(node.updated_at)
    return {
        driver: {
            "Attributes": {f"driver.{driver}": "true"}, "Detected": True, "HealthDescription": "Healthy",
            "Healthy": True, "UpdateTime": stamp,
        }
        for driver in node.spec.drivers
    }  # fmt: skip


def _volumes(node: Node) -> Json:
    result = {}
    for name, volume in sorted(node.spec.host_volumes.items()):
        path = volume.get("path", "") if isinstance(volume, Mapping) else volume
        result[name] = {"Name": name, "Path": path, "ReadOnly": node.read_only_volume(name)}
    return result


def _resources(node: Node) -> Json:
    host = {
        "CIDR": f"{node.address}/32", "DNS": None, "Device": "eth0", "DynamicPorts": None, "IP": node.address,
        "MBits": 1000, "Mode": "host", "ReservedPorts": None,
    }  # fmt: skip
    aliases = [("default", node.address)] + [(name, node.address_of(name)) for name in sorted(node.spec.host_networks)]
    addresses = [
        {"Address": address, "Alias": alias, "Family": "ipv4", "Gateway": "", "ReservedPorts": ""}
        for alias, address in aliases
    ]
    cores = max(1, node.spec.cpu // 2000)
    return {
        "Cpu": {"CpuShares": node.spec.cpu, "ReservableCpuCores": list(range(cores)), "TotalCpuCores": cores},
        "Devices": None, "Disk": {"DiskMB": node.spec.disk}, "MaxDynamicPort": MAX_DYNAMIC_PORT,
        "Memory": {"MemoryMB": node.spec.memory}, "MinDynamicPort": MIN_DYNAMIC_PORT, "Networks": [host],
        "NodeNetworks": [
            {"Addresses": addresses, "Device": "eth0", "MacAddress": "", "Mode": "host", "Speed": 1000}
        ],
    }  # fmt: skip


_NOTHING_RESERVED: Json = {
    "Cpu": {"CpuShares": 0, "ReservedCpuCores": None}, "Disk": {"DiskMB": 0}, "Memory": {"MemoryMB": 0},
    "Networks": {"ReservedHostPorts": ""},
}  # fmt: skip


def node_stub(node: Node, resources: bool = False) -> Json:
    """A node as `GET /v1/nodes` lists it; with its resources where `?resources=true` asks for them."""
    stub = {
        "Address": node.address, "CreateIndex": node.create_index, "Datacenter": node.spec.datacenter,
        "Drain": node.drain is not None, "Drivers": _drivers(node), "HostVolumes": _volumes(node), "ID": node.id,
        "LastDrain": node.last_drain, "ModifyIndex": node.modify_index, "Name": node.name,
        "NodeClass": node.spec.node_class, "NodePool": node.spec.node_pool,
        "SchedulingEligibility": node.eligibility, "Status": node.status, "StatusDescription": "",
        "Version": node.attributes.get("nomad.version", ""),
    }  # fmt: skip
    if resources:
        stub["NodeResources"] = _resources(node)
        stub["ReservedResources"] = _NOTHING_RESERVED
    return stub


def node_json(node: Node) -> Json:
    """A node as `GET /v1/node/ID` shows it."""
    strategy = None
    if node.drain is not None:
        strategy = {key: node.drain[key] for key in ("Deadline", "IgnoreSystemJobs", "ForceDeadline", "StartedAt")}
    return {
        **{key: value for key, value in node_stub(node).items() if key not in ("Address", "Version")},
        "Attributes": node.attributes, "Meta": node.meta, "Links": {}, "CSIControllerPlugins": {},
        "CSINodePlugins": {}, "CgroupParent": "/nomad", "ComputedClass": node.computed_class,
        "DrainStrategy": strategy, "Events": node.events, "HTTPAddr": f"{node.address}:4646",
        "HostNetworks": {
            name: {"CIDR": cidr, "Interface": "", "Name": name, "ReservedPorts": ""}
            for name, cidr in sorted(node.spec.host_networks.items())
        },
        "LastAllocUpdateIndex": 0, "LastMissedHeartbeatIndex": 0, "NodeResources": _resources(node),
        "ReservedResources": _NOTHING_RESERVED, "SecretID": "", "StatusUpdatedAt": node.updated_at // SECOND,
        "TLSEnabled": False,
    }  # fmt: skip


def computed_class(node: Node) -> str:
    """Nodes that look alike to the scheduler share a class: what is a node's own (`unique.`) does not count."""
    common = [
        sorted((key, value) for key, value in values.items() if not key.startswith("unique."))
        for values in (node.attributes, node.meta)
    ]
    text = repr((node.spec.datacenter, node.spec.node_class, node.spec.node_pool, common))
    return f"v1:{int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], 'big')}"
